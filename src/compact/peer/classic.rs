//! Messages in classic packets: for a box that has not said more, and for what is too long for sixteen fragments.

use super::memory::{BundleName, HexBytes, MOST_SALTS, hash, name_of};
use super::notes::{MARK, Note, append_to_classic, find_in_classic, hello_in, vary_classic};
use super::outbox::OutboxFragment;
use super::seal::answers;
use super::turn::PlanRefusal;
use super::{AirUse, OutgoingPacket, Peer, PeerContext, SendPlan, WaitingMessage};
use crate::letter::Letter;

impl Peer {
    /// A message in classic packets, with a mark and a hello where these take no packet more.
    pub(super) fn plan_classic(&mut self, context: &mut PeerContext, waiting: WaitingMessage<'_>, plan: &mut SendPlan) {
        let room = context.room;
        let Some(plain) = context.codec.classic(waiting.message, room) else {
            return plan.refused.push((waiting.key, PlanRefusal::NotClassic));
        };
        let hello = self.agreement.hello(&context.codec.models(), &context.rules, context.now).map(Note::Hello);
        let of = of(waiting.message);
        let mark = head(&of);
        let known = self.agreement.knows_us();
        let spares = [head(&of.iter().cloned().chain(hello).collect::<Vec<_>>()), mark];
        let packets = spares.into_iter().find_map(|spare| {
            let packets = context.codec.classic(waiting.message, room.saturating_sub(spare))?;
            (packets.len() == plain.len() || known && spare == mark).then_some(packets)
        });
        let packets = packets.unwrap_or_else(|| plain.clone());
        let bytes = packets.iter().map(|packet| packet.len() + charged_mark(context, mark)).sum();
        let (count, classic) = (packets.len(), (plain.iter().map(Vec::len).sum(), plain.len()));
        let answers = answers([waiting].iter());
        let all = self.classic_packets(context, waiting.key, packets, (&of, &answers));
        plan.send.extend(all);
        plan.uses.push(AirUse { key: waiting.key, classic, alone: count, bytes, packets: count, messages: 1 });
    }

    fn classic_packets(
        &mut self,
        context: &mut PeerContext,
        key: u64,
        packets: Vec<Vec<u8>>,
        (of, answers): (&[Note], &[Note]),
    ) -> Vec<OutgoingPacket> {
        let cores: Vec<_> = packets.into_iter().map(|packet| self.mark(context, packet)).collect();
        let countable = cores.iter().all(|(_, name)| name.is_some());
        let mut all = Vec::new();
        let last = cores.len().saturating_sub(1);
        for (at, (core, name)) in cores.into_iter().enumerate() {
            // The last one has most room.
            let answers = if at == last { answers } else { &[] };
            let ticket = self.next_ticket();
            let mut record = self.record(context, ticket, vec![key]);
            (record.name, record.countable, record.packets) = (name, countable, vec![OutboxFragment::default()]);
            record.wait = record.wait.filter(|_| countable);
            record.answers = answers.to_vec();
            let dressed = name.and_then(|_| {
                let with_name = self.add_notes(context, &core, (of.to_vec(), answers.to_vec()), true);
                // Without room for the name it is of the one who is meant without.
                with_name.or_else(|| self.add_notes(context, &core, (Vec::new(), answers.to_vec()), true))
            });
            let (payload, carries) = dressed.unwrap_or_else(|| (core.clone(), Vec::new()));
            record.hello = hello_in(&carries).cloned();
            let bytes = HexBytes(if name.is_some() { core } else { Vec::new() });
            record.packets[0] = OutboxFragment { bytes, with_link: true, carries, ..OutboxFragment::default() };
            let receipt = record.wait.is_some();
            self.out.push(record);
            all.push(OutgoingPacket {
                ticket,
                fragment: 0,
                fragments: 1,
                payload,
                messages: vec![key],
                receipt,
                repeat: false,
            });
        }
        all
    }

    /// A classic packet with a name of its own, if it has room for the mark.
    fn mark(&mut self, context: &PeerContext, packet: Vec<u8>) -> (Vec<u8>, Option<BundleName>) {
        let salted = |salt: u16| if salt == 0 { packet.clone() } else { vary_classic(&packet, salt) };
        let marked = (0..MOST_SALTS).map(salted).take_while(|core| core.len() + MARK <= context.room);
        let named = marked
            .map(|core| (name_of(hash(&core)), core))
            .find(|(name, core)| !self.used.has(*name) && find_in_classic(core).1.is_none());
        match named {
            Some((name, core)) => {
                self.used.add(name, context.now);
                (core, Some(name))
            }
            None => (packet, None),
        }
    }
}

/// Bytes and packets that a message takes classically.
pub fn size(context: &mut PeerContext, message: &Letter) -> Option<(usize, usize)> {
    let packets = context.codec.classic(message, context.room)?;
    let mark = charged_mark(context, head(&of(message)));
    Some((packets.iter().map(|packet| packet.len() + mark).sum(), packets.len()))
}

/// What a classic packet of this message has to say in its field.
fn of(message: &Letter) -> Vec<Note> {
    message.person.iter().map(|person| Note::Of(person.clone())).collect()
}

/// Bytes of a field with these notes.
fn head(notes: &[Note]) -> usize {
    append_to_classic(&[], notes).map_or(MARK, |head| head.len())
}

/// Bytes of the field that makes a classic packet dearer; nothing where only packets are charged for.
fn charged_mark(context: &PeerContext, mark: usize) -> usize {
    if context.step > 0 { mark } else { 0 }
}
