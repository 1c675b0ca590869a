//! What a simulated modem asks of the sky, and what it is told.

pub(super) use crate::sim::sky::Ask;

/// A packet that comes down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Down {
    /// The sky's number of it.
    pub(super) number: u64,
    pub(super) app: u16,
    pub(super) data: Vec<u8>,
}

/// What the sky says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    /// To [`Ask::Take`].
    Packet(Option<Down>),
    /// Refused, or nobody there; as good as an acknowledgement that was lost.
    No,
}

/// The answer of an empty sky: acknowledges everything and has nothing.
pub(super) fn empty_sky(ask: &Ask) -> Answer {
    match ask {
        Ask::Take(_) => Answer::Packet(None),
        _ => Answer::Yes,
    }
}
