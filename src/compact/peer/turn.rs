//! What a turn of the session has to say: facts, whose words the box makes.

/// What changed between the two boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerChange {
    /// The far box reads the compact coding, with the model of this number.
    Reads(u8),
    /// It reads the compact coding, and has no model in common with this box.
    NoCommonModel,
    /// It writes classic packets without a mark: it gets classic ones too.
    Unlearned,
    /// It has not answered for long: it gets classic packets.
    Silent,
    /// A packet of it cannot be read here: it is kept, and the far box is asked about it.
    Unread,
}

/// What is wrong with bytes that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerFlaw {
    /// They are no packet of ours.
    NotOurs,
    /// They need the model of this number, which is not here.
    NoModel(u8),
    /// Their check is wrong: noise, or the boxes know different addresses.
    BadCheck,
    /// They are one of so many fragments, and the others did not come.
    LoneFragment(usize),
}

/// Why a message cannot go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanRefusal {
    /// It cannot be written in the classic coding.
    NotClassic,
    /// It takes more packets than may belong together.
    TooLong,
    /// The far box has it, cannot read it, and reads no other coding now.
    NoOtherCoding,
}

/// Why a message has to go once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResendCause {
    /// The far box has no model of this number: it goes in another coding.
    NoModel(u8),
    /// Its check was wrong at the far box.
    BadCheck,
    /// The far box did not know an address by its index: it is written out.
    UnknownIndex,
    /// The far box does not have the messages that it came after: it goes without them.
    NoPast,
}
