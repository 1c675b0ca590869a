//! What this box and a far box know of each other goes to another box, where messages have other numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::Peer;

/// The number of no message: it keeps the place of one that did not come along.
const NONE: u64 = 0;

impl Peer {
    /// Gives the numbers of all messages of this box that are remembered.
    pub fn numbers(&self) -> BTreeSet<u64> {
        let out = self.out.iter().flat_map(|bundle| bundle.messages.iter().chain(&bundle.keys));
        let recode = self.recode.iter().flat_map(|group| &group.messages);
        out.chain(recode).copied().chain(self.fates.numbers()).filter(|number| *number != NONE).collect()
    }

    /// Gives messages the numbers that they have on another box. For one that has none there nothing waits any more; its place
    /// in a bundle stays, so that what the far box says of the others still finds them.
    pub fn renumber(&mut self, numbers: &BTreeMap<u64, u64>) {
        let known = |number: &u64| numbers.get(number).copied();
        for bundle in &mut self.out {
            bundle.messages = bundle.messages.iter().filter_map(known).collect();
            bundle.keys = bundle.keys.iter().map(|number| known(number).unwrap_or(NONE)).collect();
        }
        for group in &mut self.recode {
            group.messages = group.messages.iter().filter_map(known).collect();
        }
        self.fates.renumber(&|number| known(&number).unwrap_or(NONE));
        self.sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::super::fate::Fates;
    use super::super::memory::BundleName;
    use super::super::outbox::OutboxBundle;
    use super::*;

    fn bundle(ticket: u64, messages: &[u64], keys: &[u64]) -> OutboxBundle {
        let rest = r#"{"ticket":0,"name":null,"form":null,"letters":[],"countable":true,"wait":5,"replaces":[],"packets":[],
            "addresses":[],"indexed":[],"hello":null,"planned":1,"first_sent":null,"last_sent":null,"repeats":0,
            "given_up":false,"replaced":false}"#;
        let bundle: OutboxBundle = serde_json::from_str(rest).unwrap();
        OutboxBundle { ticket, messages: messages.to_vec(), keys: keys.to_vec(), ..bundle }
    }

    #[test]
    fn messages_have_their_new_numbers_and_keep_their_places() {
        let mut peer = Peer { out: vec![bundle(1, &[7, 9], &[7, 8, 9]), bundle(2, &[5], &[5])], ..Peer::default() };
        peer.fates = Fates::default();
        peer.fates.there(BundleName(3), &[4, 7], 1);
        assert_eq!(peer.numbers().into_iter().collect::<Vec<_>>(), [4, 5, 7, 8, 9]);
        peer.renumber(&[(7, 1), (9, 2)].into());
        assert_eq!(peer.out.len(), 1, "for a bundle of messages that are not here nobody waits");
        assert_eq!((&peer.out[0].messages[..], &peer.out[0].keys[..]), (&[1, 2][..], &[1, 0, 2][..]));
        assert_eq!((peer.fates.key(BundleName(3), 0), peer.fates.key(BundleName(3), 1)), (Some(0), Some(1)));
        assert_eq!(peer.numbers().into_iter().collect::<Vec<_>>(), [1, 2]);
    }
}
