//! Far boxes: one record each. Who asks for one sees those of the snapshot of people.

use super::SessionRows;
use super::schema::{self, Tx, TxResult, View, json};
use super::tracks::Track;
use crate::address::{LinkAddress, PeerId};
use crate::clock::Time;
use crate::fault::Fault;
use crate::people::FarBox;
use crate::store::schema::Readable;

impl Tx<'_> {
    /// The far box of this number, as of this transaction.
    pub fn far_box(&self, id: PeerId) -> TxResult<Option<FarBox>> {
        Ok(self.far_boxes.get(id.0)?.and_then(|row| schema::record(row.value()).ok()))
    }

    /// All far boxes, as of this transaction; unreadable ones are left out.
    pub fn all_far_boxes(&self) -> TxResult<Vec<FarBox>> {
        let mut all = Vec::new();
        for row in self.far_boxes.iter()? {
            all.extend(schema::record::<FarBox>(row?.1.value()));
        }
        Ok(all)
    }

    /// Writes a far box; one without a number is given one. Gives the number back.
    pub fn put_far_box(&mut self, far_box: &FarBox) -> TxResult<PeerId> {
        let mut far_box = far_box.clone();
        if far_box.id == PeerId(0) {
            far_box.id = PeerId(self.ledger.next_far_box);
            self.ledger.next_far_box += 1;
        }
        self.far_boxes.insert(far_box.id.0, json(&far_box).as_slice())?;
        self.after.people = true;
        Ok(far_box.id)
    }

    /// The far box of this address; a new one where nobody has it yet. Fails for one that went to another gateway.
    pub fn far_box_at(&mut self, address: LinkAddress, now: Time) -> TxResult<PeerId> {
        let all = self.all_far_boxes()?;
        self.not_moved_out(address)?;
        match all.into_iter().find(|far_box| far_box.addresses.contains(&address)) {
            Some(far_box) => Ok(far_box.id),
            None => self.put_far_box(&FarBox::at(address, now)),
        }
    }

    /// Makes sure that an address is not one of a far box that went to another gateway.
    ///
    /// # Errors
    /// Permanent, with what to do.
    pub fn not_moved_out(&self, address: LinkAddress) -> TxResult<()> {
        let had = |far_box: &FarBox| far_box.moved_out.as_ref().is_some_and(|it| it.addresses.contains(&address));
        match self.all_far_boxes()?.into_iter().find(had) {
            Some(moved) => schema::reject(Fault::permanent(format!(
                "{} is an address of {}, which has moved to another gateway: 'far-box move-in' brings it back, and \
                 'far-box remove' forgets it here",
                address.shown(),
                moved.shown()
            ))),
            None => Ok(()),
        }
    }

    /// Frees an address for the far box `to`. One with no people gives it away: it was there only because it wrote, or was paired.
    /// Gives the one that keeps it, if somebody is at that or something is on its way to it.
    pub fn give_away(&mut self, address: LinkAddress, to: PeerId) -> TxResult<Option<FarBox>> {
        let owner =
            self.all_far_boxes()?.into_iter().find(|other| other.id != to && other.addresses.contains(&address));
        let Some(mut owner) = owner else { return Ok(None) };
        let in_use = self.everybody()?.iter().any(|person| person.far_box == Some(owner.id))
            || self.open_packets()?.iter().any(|packet| packet.far_box == Some(owner.id));
        if in_use {
            return Ok(Some(owner));
        }
        owner.addresses.retain(|known| *known != address);
        match owner.addresses.is_empty() {
            true => self.remove_far_box(owner.id)?,
            false => self.put_far_box(&owner).map(drop)?,
        }
        Ok(None)
    }

    /// Removes a far box, what the two boxes know of each other, and where it was.
    pub fn remove_far_box(&mut self, id: PeerId) -> TxResult<()> {
        let name = id.to_string();
        self.far_boxes.remove(id.0)?;
        self.put_session_rows(&name, &SessionRows::new())?;
        self.fates.retain(|(peer, _), ()| peer != name)?;
        self.drop_track(Track::FarBox(id))?;
        self.after.people = true;
        Ok(())
    }
}

impl View {
    /// All far boxes; unreadable ones are left out, and said in the log.
    pub(super) fn far_boxes(&self) -> TxResult<Vec<FarBox>> {
        let mut all = Vec::new();
        for row in schema::FAR_BOXES.read(&self.0)?.iter()? {
            let (id, bytes) = row?;
            match schema::record::<FarBox>(bytes.value()) {
                Ok(far_box) => all.push(far_box),
                Err(error) => log::error!("far box {} is unreadable and left out: {error}", id.value()),
            }
        }
        Ok(all)
    }
}
