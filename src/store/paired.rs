//! Boxes that this one is paired with, and the key that it proves itself with. Notes of the store, so that a backup has
//! them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Store;
use super::schema::{self, Tx, TxResult, View, json, record};
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::fault::Fault;
use crate::links::LinkRecord;
use crate::message::LinkId;
use crate::people::FarBox;
use crate::store::schema::Readable;

/// Start of the names of these notes; the address of the box follows.
const PAIRED: &str = "note:paired:";
/// The driver of links over the internet, and the name of one that is added by itself.
const LINE: &str = "ip";
/// The key of this box and the name of its store.
const IDENTITY: &str = "identity";

/// A box that this one believes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedBox {
    /// Its address on the line: the name of its key.
    pub address: LinkAddress,
    /// What it calls itself.
    pub name: String,
    /// Its mail domain; empty if it has none.
    #[serde(default)]
    pub domain: String,
    /// This box dials it, and not the other way round.
    #[serde(default)]
    pub dialled: bool,
    /// When it was paired.
    pub since: Time,
}

/// What names this box to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its private key, PKCS#8 in hex.
    pub key: String,
    /// Random name of this store: numbers of packets belong to it.
    pub epoch: u32,
}

impl Tx<'_> {
    /// Pairs with a box. A box that dials has one far box: of two that are dialled the newer stays. `person` is who that box means
    /// where it names nobody; empty where it did not say.
    pub fn pair(&mut self, paired: &PairedBox, person: &str) -> TxResult<()> {
        if paired.dialled {
            let dialled = |bytes: &[u8]| record::<PairedBox>(bytes).is_ok_and(|known| known.dialled);
            self.meta.retain(|name, bytes| !(name.starts_with(PAIRED) && dialled(bytes)))?;
        }
        self.meta.insert(format!("{PAIRED}{}", paired.address).as_str(), json(paired).as_slice())?;
        match paired.dialled {
            // It is the one by which this box reaches the world.
            true => Ok(()),
            false => self.paired_far_box(paired, person),
        }
    }

    /// The far box that called: under the name that it gives itself, if no other has that.
    fn paired_far_box(&mut self, paired: &PairedBox, person: &str) -> TxResult<()> {
        let id = self.far_box_at(paired.address, paired.since)?;
        let others = self.all_far_boxes()?;
        let Some(mut known) = self.far_box(id)? else { return Ok(()) };
        if !person.is_empty() {
            known.first = person.to_owned();
        }
        let named = FarBox { name: paired.name.trim().to_owned(), ..known.clone() };
        let taken = others.iter().any(|other| other.id != id && other.name.to_lowercase() == named.name.to_lowercase());
        if known.name.is_empty() && named.check().is_ok() && !taken {
            known = named;
        }
        self.put_far_box(&known).map(drop)
    }

    /// The link over the internet, the first if there are several. Where there is none it is added, without a price.
    pub fn line(&mut self, now: Time) -> TxResult<LinkRecord> {
        if let Some(link) = self.links()?.iter().find(|link| link.driver == LINE) {
            return Ok(link.clone());
        }
        let (name, values) = (LINE.to_owned(), BTreeMap::new());
        let link = LinkRecord { id: LinkId::FIRST, driver: name.clone(), name, on: true, added: now, values };
        let id = self.add_link(&link)?;
        Ok(LinkRecord { id, ..link })
    }

    /// Gives a far box one address more; one that has the address and nobody at it gives it away. False where that cannot be: the far
    /// box is not there any more or has too many addresses, or the one that has it has people, or remembers what came from there.
    pub fn add_address(&mut self, far_box: PeerId, address: LinkAddress) -> TxResult<bool> {
        let Some(mut known) = self.far_box(far_box)? else { return Ok(false) };
        if known.addresses.contains(&address) {
            return Ok(true);
        }
        // With that memory what comes once more would be delivered once more.
        let owner = self.all_far_boxes()?.into_iter().find(|other| other.addresses.contains(&address));
        if let Some(owner) = owner
            && !self.session_rows(&owner.id.to_string())?.is_empty()
        {
            return Ok(false);
        }
        known.addresses.push(address);
        if known.check().is_err() || self.give_away(address, far_box)?.is_some() {
            return Ok(false);
        }
        self.put_far_box(&known).map(|_| true)
    }

    /// The paired box of this address, as of this transaction.
    pub fn paired(&self, address: LinkAddress) -> TxResult<Option<PairedBox>> {
        let row = self.meta.get(format!("{PAIRED}{address}").as_str())?;
        Ok(row.and_then(|row| record(row.value()).ok()))
    }

    /// Forgets a box; false when it is not paired.
    pub fn unpair(&mut self, address: LinkAddress) -> TxResult<bool> {
        Ok(self.meta.remove(format!("{PAIRED}{address}").as_str())?.is_some())
    }
}

/// Groups of keys that a link is told of at its start.
const MOST_TAKEN_IN: usize = 4096;

impl View {
    /// Finds the paired box of this address; `None` where no such box is paired.
    pub fn paired(&self, address: LinkAddress) -> TxResult<Option<PairedBox>> {
        let table = schema::META.read(&self.0)?;
        let row = table.get(format!("{PAIRED}{address}").as_str())?;
        Ok(row.and_then(|row| record(row.value()).ok()))
    }

    /// All paired boxes, by the digits of their keys. An unreadable one is left out: pairing makes it anew.
    pub fn all_paired(&self) -> TxResult<Vec<PairedBox>> {
        let mut found = Vec::new();
        for row in schema::META.read(&self.0)?.range(PAIRED..)? {
            let (name, bytes) = row?;
            if !name.value().starts_with(PAIRED) {
                break;
            }
            found.extend(record::<PairedBox>(bytes.value()).ok());
        }
        Ok(found)
    }

    /// The last keys of inbound packets that begin with `prefix`, one for each group of those that are the same up to their
    /// second colon and the field behind it: `ip:KEY:STORE:NUMBER...` gives the highest number of each box and store. Keys
    /// of links that do not name them so are none of these.
    pub fn last_taken_in(&self, prefix: &str) -> TxResult<Vec<String>> {
        let seen = schema::SEEN.read(&self.0)?;
        let mut found = Vec::new();
        // From the end: the character behind all that can follow the prefix.
        let mut end = format!("{prefix}\u{7f}");
        while let Some(row) = seen.range(prefix..end.as_str())?.next_back() {
            let key = row?.0.value().to_owned();
            let mut colons = key.match_indices(':').map(|(at, _)| at);
            // The new end is before the key, or this would not end: the third colon stands within it.
            let Some(third) = colons.nth(2).filter(|third| third + 1 < key.len()) else { break };
            end = key[..=third].to_owned();
            found.push(key);
            if found.len() >= MOST_TAKEN_IN {
                break;
            }
        }
        Ok(found)
    }
}

impl Store {
    /// What names this box; `make` gives a new key, as PKCS#8, where there is none yet.
    ///
    /// # Errors
    /// When the store fails, or no key can be made.
    pub fn identity(&self, make: impl FnOnce() -> Result<Vec<u8>, Fault>) -> Result<Identity, Fault> {
        let known = self.read(|view| view.note(IDENTITY))?;
        if let Some(identity) = known.and_then(|bytes| record(&bytes).ok()) {
            return Ok(identity);
        }
        let mut epoch = [0; 4];
        getrandom::fill(&mut epoch)
            .map_err(|error| Fault::temporary(format!("there are no random numbers: {error}")))?;
        // 0 stands for a store that was never heard of.
        let epoch = u32::from_be_bytes(epoch).max(1);
        let fresh = Identity { key: crate::hex::encode(&make()?), epoch };
        self.write(move |tx| {
            // Somebody else may have been faster.
            match tx.note(IDENTITY)?.and_then(|bytes| record(&bytes).ok()) {
                Some(identity) => Ok(identity),
                None => tx.put_note(IDENTITY, Some(&json(&fresh))).map(|()| fresh.clone()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::store;
    use super::*;
    use testing::Folder;

    fn paired(digit: char, dialled: bool) -> PairedBox {
        let address = format!("ip:{}", digit.to_string().repeat(64)).parse().unwrap();
        PairedBox { address, name: format!("box {digit}"), domain: String::new(), dialled, since: Time(5) }
    }

    #[test]
    fn boxes_are_paired_and_forgotten() {
        let folder = Folder::new();
        let store = store(&folder);
        for one in [paired('b', false), paired('a', false), paired('c', true), paired('d', true)] {
            store.write(move |tx| tx.pair(&one, "")).unwrap();
        }
        let all = store.read(View::all_paired).unwrap();
        let names: Vec<_> = all.iter().map(|paired| paired.name.as_str()).collect();
        assert_eq!(names, ["box a", "box b", "box d"]);
        let address = all[0].address;
        assert_eq!(store.read(|view| view.paired(address)).unwrap(), Some(paired('a', false)));
        assert!(store.write(move |tx| tx.unpair(address)).unwrap());
        assert!(!store.write(move |tx| tx.unpair(address)).unwrap());
    }

    #[test]
    fn the_identity_is_made_once() {
        let folder = Folder::new();
        let store = store(&folder);
        let first = store.identity(|| Ok(vec![1, 2])).unwrap();
        assert_eq!((first.key.as_str(), first.epoch > 0), ("0102", true));
        assert_eq!(store.identity(|| panic!("there is one")).unwrap(), first);
    }

    #[test]
    fn the_last_packet_of_each_box_is_found() {
        let folder = Folder::new();
        let store = store(&folder);
        store
            .write(|tx| {
                for key in
                    ["ip:a:1:0001:x", "ip:a:1:0009:x", "ip:a:2:0003:x", "ip:b:1:0002:x", "hive:7", "ip", "m138:a:b"]
                {
                    tx.once(key, Time(1))?;
                }
                Ok(())
            })
            .unwrap();
        let found = store.read(|view| view.last_taken_in("ip:")).unwrap();
        assert_eq!(found, ["ip:b:1:0002:x", "ip:a:2:0003:x", "ip:a:1:0009:x"]);
    }

    #[test]
    fn the_last_keys_are_found_and_others_end_the_search() {
        let folder = Folder::new();
        let store = store(&folder);
        let now = store.clock().now();
        store
            .write(move |tx| {
                for key in ["hive:1", "hive:22", "ip:aa:01:05:x", "ip:aa:01:06:y", "ip:bb:02:01:z", "m138:0x01:a", "ip"]
                {
                    tx.once(key, now)?;
                }
                Ok(())
            })
            .unwrap();
        let last = |prefix: &str| store.read(|view| view.last_taken_in(prefix)).unwrap();
        assert_eq!(last("ip:"), ["ip:bb:02:01:z", "ip:aa:01:06:y"]);
        assert_eq!((last("hive:"), last("m138:"), last("imei:")), (vec![], vec![], vec![]));
    }
}
