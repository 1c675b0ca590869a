//! What waits, in order: the queues of messages to which something can still happen.

use super::schema::{Tx, TxResult};
use crate::message::{Id, Message, Priority, State, Way};
use crate::store::schema::Readable;

/// A queue of messages that are not final, ordered by when the next look at them is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Waits for a mailbox; empty but for a moment.
    Mailbox = 0,
    /// Waits for the relay, to leave for the internet.
    Relay = 1,
    /// Waits for the link: urgent messages first, bulk last, among equals in order of acceptance. The next look at them is
    /// in [`Queue::Timed`].
    Link = 2,
    /// The link has all its packets.
    OnLink = 3,
    /// Waits for the owner.
    Held = 4,
    /// Sent; the far box is expected to say that it has it.
    Receipt = 5,
    /// Waits for the carrier of text messages.
    Carrier = 6,
    /// Waits for the link, before [`Queue::Link`].
    LinkUrgent = 7,
    /// Waits for the link, after all others.
    LinkBulk = 8,
    /// Once more: messages that wait for the link by the next look at them, others with a time by which they are wanted by
    /// their deadlines.
    Timed = 9,
    /// Waits for the link, after [`Queue::Link`].
    LinkLow = 10,
}

impl Queue {
    /// All queues; that of the link stands for its four.
    pub const ALL: [Self; 7] =
        [Self::Mailbox, Self::Relay, Self::Link, Self::Carrier, Self::OnLink, Self::Held, Self::Receipt];

    /// The state of what stands in it.
    pub fn state(self) -> State {
        match self {
            Self::Held => State::Held,
            Self::OnLink => State::OnLink,
            Self::Receipt => State::Sent,
            _ => State::Queued,
        }
    }

    /// The parts of a queue, the first to go first.
    pub(super) fn parts(self) -> &'static [Self] {
        match self {
            Self::Mailbox => &[Self::Mailbox],
            Self::Relay => &[Self::Relay],
            Self::Link => &[Self::LinkUrgent, Self::Link, Self::LinkLow, Self::LinkBulk],
            Self::OnLink => &[Self::OnLink],
            Self::Held => &[Self::Held],
            Self::Receipt => &[Self::Receipt],
            Self::Carrier => &[Self::Carrier],
            Self::LinkUrgent => &[Self::LinkUrgent],
            Self::LinkLow => &[Self::LinkLow],
            Self::LinkBulk => &[Self::LinkBulk],
            Self::Timed => &[Self::Timed],
        }
    }

    fn of(message: &Message) -> Self {
        match (message.state, message.way) {
            (State::Held, _) => Self::Held,
            (State::OnLink, _) => Self::OnLink,
            (State::Sent, _) => Self::Receipt,
            (_, Way::Mailbox) => Self::Mailbox,
            (_, Way::Relay) => Self::Relay,
            (_, Way::Link) => match message.terms.priority {
                Priority::Urgent => Self::LinkUrgent,
                Priority::Normal => Self::Link,
                Priority::Low => Self::LinkLow,
                Priority::Bulk => Self::LinkBulk,
            },
            (_, Way::Carrier) => Self::Carrier,
        }
    }

    /// Where a message that waits stands in its queue.
    fn place(message: &Message) -> (u8, i64, u64) {
        let queue = Self::of(message);
        let line = matches!(queue, Self::LinkUrgent | Self::Link | Self::LinkLow | Self::LinkBulk);
        (queue as u8, if line { message.accepted.0 } else { message.next.0 }, message.id.0)
    }

    /// Its place in [`Queue::Timed`], if it has one.
    fn time(message: &Message) -> Option<(u8, i64, u64)> {
        let at = match (message.state, message.way) {
            (State::Queued, Way::Link) => message.next,
            (state, _) if State::HERE.contains(&state) && message.terms.by.is_some() => message.deadline,
            _ => return None,
        };
        Some((Self::Timed as u8, at.0, message.id.0))
    }
}

impl Tx<'_> {
    /// Files all that waits anew, where earlier versions filed it in another order.
    pub(super) fn refile(&mut self) -> TxResult<()> {
        let rows = self.due.iter()?.map(|row| Ok(row?.0.value())).collect::<TxResult<Vec<_>>>()?;
        for key in rows {
            // An unreadable record stays where it will be found.
            let Some(message) = self.find(Id(key.2))? else { continue };
            self.due.remove(key)?;
            if !message.is_final() {
                self.due.insert(Queue::place(&message), ())?;
                Queue::time(&message).map_or(Ok(()), |time| self.due.insert(time, ()).map(drop))?;
            }
        }
        Ok(())
    }

    /// Keeps the queue, the table of those neither open nor delivered and the index of Message-IDs true.
    pub(super) fn index(&mut self, after: &Message, before: Option<&Message>) -> TxResult<()> {
        let old = before.filter(|before| !before.is_final()).map(Queue::place);
        let new = Some(after).filter(|after| !after.is_final()).map(Queue::place);
        if old != new {
            if let Some(old) = old {
                self.due.remove(old)?;
            }
            if let Some(new) = new {
                self.due.insert(new, ())?;
                self.wake(after.way);
            }
        }
        self.note_end(after, before)?;
        let (old, new) = (before.and_then(Queue::time), Queue::time(after));
        if old != new {
            old.map_or(Ok(()), |old| self.due.remove(old).map(drop))?;
            new.map_or(Ok(()), |new| self.due.insert(new, ()).map(drop))?;
        }
        // Mail that left by the relay is named in reports of delivery, and what came by a link in answers to it.
        let named = |message: &Message| message.way == Way::Relay || message.came_in.is_some();
        if named(after)
            && before.is_none_or(|before| before.message_id != after.message_id || !named(before))
            && let Some(message_id) = &after.message_id
        {
            self.message_ids.insert(message_id.as_str(), after.id.0)?;
        }
        Ok(())
    }
}
