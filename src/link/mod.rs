//! Links: ways through the sky. One small trait, no store in it, no threads of its own. A driver registers as a row of
//! [`DRIVERS`].
//!
//! The engine owns a [`Link`] in one thread and calls it; a link never calls back. What a link must remember over a
//! crash it hands to the engine as an [`Intent`] memo, which is on disk before the first byte of a hand-over leaves.

mod answers;
pub mod callers;
pub mod cloudloop;
pub mod contact;
pub mod directip;
pub mod enclosed;
mod event;
pub mod foreign;
pub mod ground;
mod health;
pub mod hive;
pub mod hooks;
pub mod imt;
pub mod ip;
pub mod m138;
pub mod post;
mod power;
pub mod rockblock;
pub mod sbd;
pub mod sbdmail;
pub mod serial;
mod turns;
pub mod whole;

use std::sync::Arc;
use std::time::Duration;

use smol::channel::Receiver;

pub use self::answers::{PacketStatus, SubmitResult, Verdict};
pub use self::event::{Event, Inbound, Token};
pub use self::health::{Health, Series};
use crate::address::{KeyId, LinkAddress};
use crate::clock::{Clock, Time};
use crate::fault::Fault;
use crate::links::Reach;
use crate::message::reason::Waits;
use crate::message::{Intent, Reference};
use crate::settings::{Key, Settings};
use whole::{WholeFrame, WholePlace, Wide};

/// One way through the sky, driven by the engine's link thread.
pub trait Link: Send {
    /// Is given what only the box knows. Told once, first of all.
    fn equip(&mut self, _equipment: &Equipment) {}

    /// What the link wants to have back in [`Equipment::kept`] in its next life; `None` when that has not changed. Asked
    /// about once a minute, at the end, and at [`Event::Keep`].
    fn keep(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// The last packets that a link of this box took in earlier runs, the newest first; true: it has left. Told once,
    /// before anything else. For links that tell from the numbers of later packets what became of earlier ones.
    fn remember(&mut self, _taken: &[(Reference, bool)]) {}

    /// Is told whether the budget of the link has room for a session that carries no packet up.
    fn may_look(&mut self, _may: bool) {}

    /// Waits up to `wait` for something to happen and says what; returns early when `wake` has an item (and takes it).
    /// Finds, opens and re-opens the hardware by itself: a missing modem is an [`Event::Health`], never an error.
    fn poll(&mut self, wake: &Receiver<()>, wait: Duration) -> Vec<Event>;

    /// Whether a far box can be given a packet now, an `urgent` one or any. What the link as a whole can take says
    /// [`Health::ready`].
    ///
    /// # Errors
    /// What its messages wait for.
    fn reaches(&self, _device: Option<LinkAddress>, _urgent: bool) -> Result<(), Waits> {
        Ok(())
    }

    /// Whether whole mails go to a far box now. One that is called when there is something to carry is called if `call`.
    fn wide(&mut self, _device: Option<LinkAddress>, _call: bool) -> Wide {
        Wide::No
    }

    /// Largest payload that a far box gets in one message, in bytes, where whole mails may be in it; 0 where none may.
    fn encloses(&self, _device: Option<LinkAddress>) -> usize {
        0
    }

    /// Bytes that the link holds for a far box and of which it does not know that they are there; `None` where it does not count them.
    fn bytes_held(&self, _device: Option<LinkAddress>) -> Option<usize> {
        None
    }

    /// True where a far box said that it pays for what it gets by this link.
    fn far_box_pays(&self, _device: Option<LinkAddress>) -> bool {
        false
    }

    /// Says something of a whole mail to a far box that is [`Wide::Open`] now; it may be lost with the connection. False when it
    /// is not taken: the far box is away, or enough pieces wait to be written.
    fn say(&mut self, _device: Option<LinkAddress>, _frame: WholeFrame) -> bool {
        false
    }

    /// Asks a far box whether packets of these names are committed there, by whichever link they came; the names are those that
    /// the session between the boxes gives them. False when it is not asked: the link cannot, or the far box is away. The
    /// answer is [`Event::Known`], and may be lost with the connection.
    fn ask(&mut self, _device: Option<LinkAddress>, _names: &[u64]) -> bool {
        false
    }

    /// Answers [`Event::Asked`], in the order of the names.
    fn answer(&mut self, _device: Option<LinkAddress>, _known: Vec<bool>) {}

    /// Is told when the far box comes or goes by a link that costs less: meanwhile it hands nothing to this one, and looking
    /// for that is money lost.
    fn relieve(&mut self, _relieved: bool) {}

    /// What has to be on disk before [`Link::send`] may be called for this packet. `Err` when the link can take
    /// nothing at present (no modem, no GPS time, queue full, not logged in).
    ///
    /// # Errors
    /// The reason; temporary or for the operator.
    fn prepare(&mut self, packet: &LinkPacket) -> Result<Intent, Fault>;

    /// Hands one packet over. Called once per [`Link::prepare`].
    fn send(&mut self, packet: &LinkPacket, intent: &Intent) -> SubmitResult;

    /// Finds out what became of a hand-over that ended in [`SubmitResult::Unknown`] or in a crash.
    fn reconcile(&mut self, packet: &LinkPacket, intent: &Intent) -> Verdict;

    /// The packet that [`Link::reconcile`] named last is known to be another one with the same content: it is not named
    /// again. For links whose other side may hold equal packets that this run did not hand over.
    fn exclude_match(&mut self, _reference: &Reference) {}

    /// Asks whether a packet that the link took is still waiting there.
    fn still_held(&mut self, reference: &Reference) -> PacketStatus;

    /// Withdraws a packet that was not yet sent.
    fn cancel(&mut self, reference: &Reference) -> PacketStatus;

    /// Lets the other side forget an inbound packet (modem delete, Hive ack): only after it is committed here.
    ///
    /// # Errors
    /// When that failed; the packet will be seen again and recognised.
    fn confirm(&mut self, token: &Token) -> Result<(), Fault>;

    /// Sends a raw line to the modem and returns at once; the answer comes as [`Event::Line`]. For the console page.
    ///
    /// # Errors
    /// When the link has no console or is not open.
    fn console(&mut self, line: &str) -> Result<(), Fault>;
}

/// What only the box knows, for links that need it.
#[derive(Clone, Default)]
pub struct Equipment {
    /// The key of this box, as PKCS#8.
    pub key: Vec<u8>,
    /// Random name of its store.
    pub epoch: u32,
    /// The boxes that it is paired with.
    pub paired: Vec<PairedWith>,
    /// [`Inbound::key`] of the last packet that was taken in from each of them.
    pub taken_in: Vec<String>,
    /// What the link of this driver kept in an earlier life; empty at first.
    pub kept: Vec<u8>,
    /// Where the listeners leave connections, and calls of ground services.
    pub callers: callers::Callers,
    /// The mail of the box.
    pub post: Option<Arc<dyn post::Post>>,
}

/// A box that this one is paired with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairedWith {
    /// Name of its key, by which the link tells boxes apart.
    pub key: KeyId,
    /// What people here call it.
    pub name: String,
}

/// What one transmission should carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPacket {
    /// 1 to [`Driver::max_payload`] bytes; with whole mails to [`Link::encloses`].
    pub payload: Vec<u8>,
    /// The far box it is meant for, on links with many far ends.
    pub device: Option<LinkAddress>,
    /// When the message is given up; the link drops the packet then.
    pub deadline: Time,
    /// The whole mails of messages in it that the far box has already; empty where they go as text.
    pub wholes: Vec<WholePlace>,
}

/// A row of the table of drivers.
pub struct Driver {
    /// Its name, as a link names it.
    pub name: &'static str,
    /// What it is, in one line for lists and the log.
    pub about: &'static str,
    /// Settings that a link of this driver has besides [`OF_EVERY_LINK`]: pages and commands show these.
    pub settings: &'static [Key],
    /// Largest payload of one packet, in bytes.
    pub max_payload: usize,
    /// Which far boxes a link of it reaches.
    pub reach: Reach,
    /// Packets that the link may hold for one far box; all others wait here, where they can still be cancelled.
    pub window: fn(&Settings) -> usize,
    /// True where a packet that the link holds can be taken back ([`Link::cancel`]).
    pub withdraws: bool,
    /// A packet that the link took, or may have taken, may still come to its far box for so long: that the far box does not have
    /// it says nothing before.
    pub transit: Duration,
    /// True where the link has a console ([`Link::console`]).
    pub console: bool,
    /// True where it talks to boxes that this one is paired with: only then it is given a key, and who they are.
    pub paired: bool,
    /// Whether a link of it that charges nothing carries what is owed to a far box at once, alone: its packets are small
    /// change. Elsewhere notes wait for a packet that goes anyway.
    pub prompt: fn(&Settings) -> bool,
    /// Largest whole mail, packed, in bytes, that goes along with its message by itself; 0 where only texts go.
    pub whole: fn(&Settings) -> usize,
    /// Largest whole mail, packed, in bytes, that goes in one payload with the packet of its message, where its owner has that;
    /// `None` where payloads are too small for mails.
    pub encloses: Option<fn(&Settings) -> usize>,
    /// Whether what can be seen without the link is as it should be: sentences for who sets it up.
    pub check: fn(&Settings, &[PairedWith]) -> Result<String, Vec<String>>,
    /// What its network usually charges for: a new link begins with it, as its owner may not know the word.
    pub unit: &'static str,
    /// How its modem is recognised; `None` where it has none.
    pub contact: Option<contact::FirstContact>,
    /// Makes the link; it opens nothing before the first poll.
    pub make: fn(&Settings, &Clock) -> Box<dyn Link>,
}

/// Settings that every link has: what it charges, when it is there, and what it may cost.
pub const OF_EVERY_LINK: [Key; 10] = [
    Key::LinkUnit,
    Key::LinkPrice,
    Key::LinkLeast,
    Key::LinkFree,
    Key::LinkEvery,
    Key::LinkLasts,
    Key::LinkDayPackets,
    Key::LinkDayMoney,
    Key::LinkMonthPackets,
    Key::LinkMonthMoney,
];

/// All drivers, in the order in which pages offer them. A new one is one file and one row here.
pub static DRIVERS: &[Driver] = &[
    Driver {
        name: "sbd",
        about: "Iridium SBD modem (9602, 9603, RockBLOCK) on a serial port of this machine",
        settings: &[Key::SbdPort, Key::SbdRing, Key::SbdCheck, Key::SbdPower],
        max_payload: sbd::MAX_PAYLOAD,
        reach: Reach { far_box: true, kinds: &[] },
        window: |_| 1,
        withdraws: true,
        transit: Duration::ZERO,
        console: true,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: None,
        check: sbd::check,
        unit: "credit",
        contact: Some(sbd::CONTACT),
        make: sbd::make,
    },
    Driver {
        name: "imt",
        about: "Iridium IMT modem (RockBLOCK 9704) on a serial port of this machine",
        settings: &[Key::ImtPort, Key::ImtTopic, Key::ImtPower, Key::ImtWhole],
        max_payload: imt::MAX_PAYLOAD,
        reach: Reach { far_box: true, kinds: &[] },
        window: |_| 1,
        withdraws: true,
        transit: imt::TRANSIT,
        console: true,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: Some(|settings| settings.count(Key::ImtWhole) * 1000),
        check: imt::check,
        unit: "byte",
        contact: Some(imt::CONTACT),
        make: imt::make,
    },
    Driver {
        name: "rockblock",
        about: "RockBLOCK service over HTTPS: reaches every SBD modem of the account",
        settings: &[
            Key::RockblockUrl,
            Key::RockblockUser,
            Key::RockblockPassword,
            Key::RockblockPath,
            Key::RockblockKey,
            Key::RockblockForms,
        ],
        max_payload: ground::MAX_PAYLOAD,
        reach: Reach { far_box: false, kinds: &["imei"] },
        window: |_| ground::WINDOW,
        withdraws: false,
        transit: ground::TRANSIT,
        console: false,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: None,
        check: rockblock::check,
        unit: "credit",
        contact: None,
        make: rockblock::make,
    },
    Driver {
        name: "cloudloop",
        about: "Cloudloop service over HTTPS: reaches every SBD and IMT modem of the account",
        settings: &[
            Key::CloudloopUrl,
            Key::CloudloopToken,
            Key::CloudloopPath,
            Key::CloudloopThings,
            Key::CloudloopTopic,
            Key::CloudloopCallers,
            Key::CloudloopWhole,
        ],
        max_payload: ground::MAX_PAYLOAD,
        reach: Reach { far_box: false, kinds: &["imei"] },
        window: |_| ground::WINDOW,
        withdraws: false,
        transit: ground::TRANSIT,
        console: false,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: Some(|settings| settings.count(Key::CloudloopWhole) * 1000),
        check: cloudloop::check,
        unit: "credit",
        contact: None,
        make: cloudloop::make,
    },
    Driver {
        name: "sbdmail",
        about: "SBD by e-mail: reaches every SBD modem whose service delivers by mail",
        settings: &[
            Key::SbdmailSender,
            Key::SbdmailImap,
            Key::SbdmailPoll,
            Key::SbdmailPath,
            Key::SbdmailPeers,
            Key::SbdmailFrom,
            Key::SbdmailTo,
        ],
        max_payload: ground::MAX_PAYLOAD,
        reach: Reach { far_box: false, kinds: &["imei"] },
        window: |_| ground::WINDOW,
        withdraws: false,
        transit: ground::TRANSIT,
        console: false,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: None,
        check: sbdmail::check,
        unit: "credit",
        contact: None,
        make: sbdmail::make,
    },
    Driver {
        name: "directip",
        about: "Iridium DirectIP: the gateway of the network itself reaches every SBD modem of the contract",
        settings: &[Key::DirectipGateway],
        max_payload: ground::MAX_PAYLOAD,
        reach: Reach { far_box: false, kinds: &["imei"] },
        window: |_| ground::WINDOW,
        withdraws: false,
        transit: ground::TRANSIT,
        console: false,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: None,
        check: directip::check,
        unit: "credit",
        contact: None,
        make: directip::make,
    },
    Driver {
        name: "ip",
        about: "another satpost box over the internet",
        settings: &[
            Key::IpAddress,
            Key::IpKey,
            Key::IpHold,
            Key::IpMetered,
            Key::IpBudgetDay,
            Key::IpBudgetMonth,
            Key::IpWhole,
        ],
        max_payload: ip::frame::MAX_PACKET,
        reach: Reach { far_box: true, kinds: &["ip"] },
        window: |_| ip::WINDOW,
        withdraws: true,
        transit: ip::TRANSIT,
        console: false,
        paired: true,
        prompt: |settings| !settings.on(Key::IpMetered),
        whole: |settings| settings.count(Key::IpWhole) * 1000,
        encloses: None,
        check: ip::check,
        unit: "packet",
        contact: None,
        make: ip::make,
    },
    Driver {
        name: "m138",
        about: "Swarm M138 modem on a serial port of this machine (its network closed in 2025)",
        settings: &[Key::M138Port, Key::M138AppId, Key::M138Window],
        max_payload: 192,
        reach: Reach { far_box: true, kinds: &[] },
        window: |settings| settings.count(Key::M138Window),
        withdraws: true,
        transit: Duration::ZERO,
        console: true,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: None,
        check: m138::check,
        unit: "packet",
        contact: Some(m138::CONTACT),
        make: m138::make,
    },
    Driver {
        name: "hive",
        about: "Swarm Hive over HTTPS: reaches every M138 of the account (closed in 2025)",
        settings: &[
            Key::HiveUrl,
            Key::HiveUser,
            Key::HivePassword,
            Key::HiveOrganization,
            Key::HivePoll,
            Key::M138AppId,
        ],
        max_payload: 192,
        reach: Reach { far_box: false, kinds: &["m138"] },
        window: |_| hive::WINDOW,
        withdraws: false,
        transit: Duration::ZERO,
        console: false,
        paired: false,
        prompt: |_| false,
        whole: |_| 0,
        encloses: None,
        check: hive::check,
        unit: "packet",
        contact: None,
        make: hive::make,
    },
];

/// Finds a driver by the name in the record of a link; `None` if there is none of this name.
pub fn driver(name: &str) -> Option<&'static Driver> {
    DRIVERS.iter().find(|driver| driver.name == name)
}
