//! What a link answers of a packet: when it is handed over, when it is asked how that ended, and when it is asked where the
//! packet is.

use crate::fault::Fault;
use crate::message::{Reason, Reference};

/// The end of a hand-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitResult {
    /// The link holds it now.
    Taken(Reference),
    /// The link certainly does not hold it, and would not hold another one now.
    Refused(Fault),
    /// The link certainly does not hold it; the fault is of this packet or of its device alone, others may be taken.
    RefusedPacket(Fault),
    /// Nobody knows: settle it with [`Link::reconcile`](super::Link::reconcile) before anything else is sent of this packet.
    Unknown(Reason),
}

/// The finding of [`Link::reconcile`](super::Link::reconcile).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken, under this reference.
    Taken(Reference),
    /// It was taken and has left already.
    Sent(Reference),
    /// It certainly was not taken: it may be handed over again.
    NotTaken(Reason),
    /// Not known yet, but evidence may come by itself: ask again soon. The packet is not free to go again.
    NotYet(Reason),
    /// Cannot be told from this side: the link may have taken the packet, and may have sent it. It is not free to go again
    /// on the link's word; the far box or the owner decides. Other packets need not wait for it. Asking again later is
    /// allowed and may still find an answer.
    Unknown(Reason),
}

/// Where a packet is that the link took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketStatus {
    /// Still in the link's queue.
    Held,
    /// No longer in the queue although its time has not run out: it was sent.
    Sent,
    /// Withdrawn just now, and certainly not sent.
    Withdrawn,
    /// The other side gave it up without sending it.
    GaveUp(Reason),
    /// Cannot be told now.
    Unknown(Reason),
    /// No longer there as far as the link can tell, and it may have been sent. It is not free to go again on the link's word:
    /// the far box or the owner decides. Other packets need not wait for it.
    Doubtful {
        /// What [`Link::reconcile`](super::Link::reconcile) is given for it later.
        memo: String,
        /// Why it cannot be told.
        why: Reason,
    },
}
