//! What a link knows, or does not know, of a packet that it was given.

use serde::{Deserialize, Serialize};

/// Why a link cannot say what became of a packet, or how it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TrackingReason {
    /// What was written down at the hand-over cannot be read.
    BadMemo {
        /// What the parser says.
        why: String,
    },
    /// It may be on a device that is not there.
    OnOtherDevice {
        /// Number of that device, as its driver writes it.
        device: String,
    },
    /// It is on a device that is not there.
    NotPluggedIn {
        /// Number of that device, as its driver writes it.
        device: String,
    },
    /// It is a packet of another link.
    OtherLink {
        /// Whose number it has.
        holder: String,
    },
    /// The device gave a late answer, to an earlier packet.
    LateAnswer,
    /// How an earlier hand-over ended is not known yet.
    EarlierOpen,
    /// It has more bytes than a packet may, or none.
    Length {
        /// Length of its payload in bytes.
        bytes: usize,
        /// Bytes of the longest packet.
        most: usize,
    },
    /// It names no device, and the link has to know one.
    NoDevice,
    /// The device's queue did not grow: it was not taken.
    QueueDidNotGrow,
    /// It is not on the device, and no satellite came since: it was not taken.
    NotThere,
    /// The device gave no id to it: it was not taken.
    NoId,
    /// The device has it, under an id that is not known yet.
    UnknownId,
    /// The device has one packet whose id is not known.
    OneUnknownId,
    /// The device may have taken it, and a satellite too.
    MayHaveLeft,
    /// The device gave ids that this box did not see.
    UnseenIds,
    /// The ids of the device do not tell.
    IdsDoNotTell,
    /// The link names packets of other messages only.
    OnlyOthers,
    /// It is not known whether it left, and its message was sent again.
    SentAgain,
    /// It was being taken back when this box stopped.
    TakingBack,
    /// Its hold time ran out on the device.
    HoldTimeOver,
    /// The service does not list it.
    NotListed {
        /// What people call the service.
        service: String,
        /// It would be listed by now.
        settled: bool,
    },
    /// The service reports an error with it.
    Failed {
        /// What people call the service.
        service: String,
    },
    /// The service could not reach the device.
    Unreached {
        /// What people call the service.
        service: String,
    },
    /// The service may have queued it, and cannot be asked.
    MayBeQueued {
        /// What people call the service.
        service: String,
    },
    /// The service gives nothing back.
    NoWithdrawal {
        /// What people call the service.
        service: String,
    },
}
