//! What the books say of what happened.

use super::*;

impl Rig {
    /// What was spent is what left, packet by packet: by the messages and by the box. Nothing is reserved any more.
    pub(super) fn bill_is_air(&self) {
        let (months, reserved) =
            self.context.store.read(|view| Ok((view.months()?, view.reserved()?.get("").copied()))).unwrap();
        let (mut spent, mut own) = (0, 0);
        for month in months {
            for (account, used) in self.context.store.read(|view| view.spent_in(&month)).unwrap() {
                spent += if account.is_empty() { used.packets } else { 0 };
                own += if account == crate::money::OWN { used.packets } else { 0 };
            }
        }
        let all = self.context.store.read(|view| view.past(100_000)).unwrap();
        let bills: u64 = all.iter().filter_map(|message| message.bill.as_ref()).map(|bill| bill.spent.packets).sum();
        let on_air = self.fake.sky().on_air.len() as u64;
        let booked = self.context.store.ledger().unwrap().packets_sent;
        assert_eq!((booked, spent, bills + own), (on_air, on_air, on_air), "{bills} and {own}");
        assert_eq!(reserved.unwrap_or_default(), crate::money::Use::default());
    }

    pub(super) fn books_balance(&self) {
        let ledger = self.context.store.ledger().unwrap();
        assert!(ledger.books.values().all(crate::store::Books::balance), "{ledger:?}");
    }
}
