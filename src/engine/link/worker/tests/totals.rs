//! What the totals say of what happened.

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
        assert!(ledger.totals.values().all(crate::store::Totals::balance), "{ledger:?}");
    }
}

#[test]
fn whatever_happens_each_message_is_on_air_once() {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..12 {
        let rig = Rig::new("satellite");
        let mut worker = rig.worker();
        let mut sent = 0;
        for step in 0..60 {
            match random(6) {
                0 if sent < 12 => {
                    rig.accept(&format!("message {round} {step} {}", "word ".repeat(random(90) as usize)));
                    sent += 1;
                }
                1 => {
                    let end = [End::LostAnswer, End::LostCommand, End::Busy][random(3) as usize];
                    rig.fake.sky().ends = VecDeque::from([end]);
                }
                2 => rig.fake.sky().pass(random(3) > 0),
                3 => {
                    rig.fake.sky().events.clear();
                    rig.fake.ready();
                    worker = rig.worker();
                }
                _ => rig.clock.advance(Duration::from_secs(random(90))),
            }
            rig.turn(&mut worker);
        }
        for _ in 0..30 {
            rig.fake.sky().ends.clear();
            rig.fake.ready();
            rig.clock.advance(Duration::from_secs(61));
            rig.turn(&mut worker);
            rig.fake.sky().pass(true);
        }
        let mut on_air = rig.fake.sky().on_air.clone();
        let all = on_air.len();
        on_air.sort();
        on_air.dedup();
        assert_eq!(on_air.len(), all, "round {round}: a packet was on air twice");
        for id in 1..=sent {
            assert_eq!(rig.message(Id(id)).state, State::Sent, "round {round}: {:?}", rig.message(Id(id)));
        }
        rig.bill_is_air();
        rig.books_balance();
    }
}
