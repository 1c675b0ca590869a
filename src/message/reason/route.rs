//! Where a message goes, and what it waits for on the way.

use serde::{Deserialize, Serialize};

use crate::address::{LinkAddress, PeerId, Phone, PhoneError};
use crate::clock::Time;
use crate::money::Amount;

/// Why a message can go nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum NoRoute {
    /// It names nobody as its recipient.
    NoRecipient,
    /// Nobody of this name has an address here.
    NoPerson {
        /// Local part of the address.
        name: String,
    },
    /// Its reader is disabled.
    TakesNoMail {
        /// Name of that person.
        name: String,
    },
    /// Its writer is disabled.
    MayNotSend {
        /// Name of that person.
        name: String,
    },
    /// Its writer is somebody of a far box who gets no address here.
    NotAdmitted {
        /// Name of the person at the far box.
        name: String,
        /// What people call that far box.
        shown: String,
    },
    /// Its reader has a device, and the link of this box reaches none.
    DeviceOutOfReach {
        /// Name of that person.
        name: String,
    },
    /// It stands in the domain of phones and names none.
    BadNumber(PhoneError),
    /// Its domain is one that nobody outside can have.
    NowhereOutside {
        /// The domain as it stands in the address.
        domain: String,
    },
    /// It stands in the queue of the relay and is no mail address.
    NoMailAddress,
    /// It stands in the queue of the carrier and is no phone.
    NoPhone,
    /// It is for a device, and the driver of the link reaches one far box only.
    OneFarBox {
        /// Name of the driver.
        driver: String,
    },
}

/// What a queued message waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Waits {
    /// The mail relay, by which mails leave for the internet.
    Relay,
    /// A link, to be handed over to it.
    Link {
        /// Packets that it takes alone.
        packets: usize,
    },
    /// A link, of which this box has none.
    NoLink,
    /// A link that reaches its far box, of which this box has none.
    NoReach {
        /// It goes to a device; else to the far box of a station.
        device: bool,
    },
    /// No link that this box has may take it.
    NoLinkMay {
        /// Each link of the box by name, with what keeps it from this message.
        why: Vec<(String, LinkBar)>,
    },
    /// A cheaper link than those that are ready.
    Cheaper {
        /// Name of the cheaper link.
        link: String,
        /// When it stops waiting; [`Time::NEVER`] when it waits for that link only.
        until: Time,
        /// That link is there again, and rests, as it broke too often; else it is down.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rests: bool,
        /// The link that takes it after that, as far as is known now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<String>,
        /// What it costs on that other link; `None` where that is nothing, or no link is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Box<Amount>>,
    },
    /// The link, which is not ready.
    LinkDown,
    /// Its far box, which is not connected.
    NotConnected,
    /// A larger budget for the bytes of the line, or this time.
    LineBudget {
        /// When the budget begins anew.
        until: Time,
    },
    /// The link holds as many packets for its far box as it may.
    FarBox {
        /// Its address; `None` for the far box of a station.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<LinkAddress>,
        /// Packets that the link holds for it.
        packets: usize,
    },
    /// Its far box, for which the link refused another message a moment ago.
    Refusing {
        /// Its address; `None` for the far box of a station.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<LinkAddress>,
    },
    /// Its whole mail, which goes to the far box before it.
    Whole,
    /// Other messages, to share a packet with.
    Others {
        /// It leaves at this time, with or without them.
        until: Time,
    },
    /// Receipts of its far box: as many packets wait for theirs as may.
    Receipts,
    /// The coder, which is being made ready.
    Coder,
    /// A coding, read by the far box, in which it can be said that it went before.
    Coding,
    /// The carrier of text messages.
    Carrier {
        /// Text messages that it takes.
        texts: usize,
    },
    /// A carrier, of which this box has none.
    NoCarrier,
}

/// Why a link may not take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkBar {
    /// Its owner has switched it off.
    Off,
    /// Its owner has not written a price.
    NoPrice,
    /// It does not reach the far box.
    OutOfReach,
    /// The address that the far box has on it is that of a modem of this box.
    OwnModem,
    /// The message takes more packets on it than one may have.
    TooLarge,
    /// The message may not cost so much.
    OverPrice,
    /// The message goes only where that costs nothing.
    Costs,
    /// Its budget is used up for today, or for this month.
    Budget,
}

/// What only the owner can settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum NeedsOwner {
    /// It came from a device that belongs to nobody here.
    DeviceOfNobody {
        /// Address of the device.
        device: LinkAddress,
        /// What its far box was called here; empty if it had no name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        called: String,
    },
    /// Its writer is somebody of a far box who has no address here yet.
    NewAtSea {
        /// Number of the far box.
        far_box: PeerId,
        /// What people call it.
        shown: String,
        /// Name of the person at the far box.
        name: String,
    },
    /// It is a text from a phone to a number that belongs to nobody here.
    NumberOfNobody {
        /// The number that was texted to.
        number: Phone,
    },
    /// Whoever wrote it has no number to text from.
    NoServiceNumber {
        /// A name, or an address.
        who: String,
    },
    /// It takes more packets than a message may.
    TooManyPackets {
        /// Packets that it takes.
        needs: usize,
        /// Packets that it may take.
        most: usize,
    },
    /// It cannot be cut into packets.
    Unsplittable(SplitError),
}

/// Why a text cannot be cut into packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "split", rename_all = "snake_case")]
pub enum SplitError {
    /// The address leaves no room for text.
    NoRoom {
        /// Length of the address in bytes.
        address: usize,
        /// Bytes of a packet.
        max_payload: usize,
    },
    /// It would take more packets than can be numbered.
    TooLong {
        /// Packets that can be numbered.
        most: usize,
        /// Bytes of a packet.
        max_payload: usize,
    },
}

/// Where a message is that has arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Arrived {
    /// In the mailbox of whom it was written to: the device that it waited for is not theirs any more.
    WithoutDevice {
        /// Name of the reader.
        name: String,
    },
    /// In a mailbox on this box.
    Mailbox {
        /// Whose, where that is not the one it was written to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A notice that may not go on air, in the mailbox that its reader has on this box.
    NoticeKeptHere {
        /// Name of the reader.
        name: String,
    },
    /// The far box said that it has it.
    FarBox,
    /// The phone has it, as its carrier says.
    Phone {
        /// The carrier's name for people.
        carrier: String,
    },
}
