//! What a link says of the device, or the service, at its other end: a serial port, a modem, an account.

use serde::{Deserialize, Serialize};

/// The state of a link's other end, or how a command to it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum DeviceReason {
    /// Nothing was looked for yet.
    Looking,
    /// It takes packets.
    Ready,
    /// It takes packets, and something is not as it should be.
    ReadyBut {
        /// That.
        but: Caution,
    },
    /// The service at the other end answers.
    Answers {
        /// What people call the service, with its article.
        service: String,
        /// The user it knows this box by.
        user: String,
        /// It holds packets of another application: that one, and the one of this box.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        others: Option<(u64, u16)>,
    },
    /// The service was not asked since the link began.
    NotAsked {
        /// What people call it.
        service: String,
    },
    /// It has no GPS time, without which it sends nothing.
    NoTime,
    /// Its queue is full.
    QueueFull,
    /// As many packets wait on it as may.
    Waiting {
        /// How many.
        packets: u64,
    },
    /// Its number is none that a device can have.
    BadNumber {
        /// The number.
        number: u64,
    },
    /// It has no number.
    NoNumber,
    /// Another device is in its place since the hand-over was prepared.
    Exchanged,
    /// It starts.
    Starting,
    /// It did not answer and was told to start anew.
    ToldToRestart,
    /// It was shut down.
    ShutDown,
    /// No serial adapter is there.
    NoAdapter {
        /// `brltty` runs, which takes such adapters away.
        brltty: bool,
    },
    /// Its port cannot be opened.
    Unopened {
        /// The port.
        port: String,
        /// What is in the way.
        obstacle: Obstacle,
    },
    /// Its port has no control lines, though one is named that switches it.
    NoControlLines {
        /// The port.
        port: String,
        /// What the system says.
        why: String,
    },
    /// No port is open.
    NoPort,
    /// The port has gone.
    PortGone {
        /// What the system says.
        why: String,
        /// Nothing was asked: it went by itself.
        unplugged: bool,
    },
    /// It does not answer, and its port is opened anew.
    Reopened,
    /// What is plugged in is something else.
    NotAModem {
        /// The port.
        port: String,
        /// What it looks like; `None` when it just does not answer like a modem.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        looks_like: Option<Foreign>,
    },
    /// Another program reads the same port.
    OtherReader {
        /// The port.
        port: String,
        /// The program.
        reader: String,
    },
    /// What it says arrives incomplete.
    CutShort {
        /// The port.
        port: String,
    },
    /// Only noise comes from it.
    Noise {
        /// The port.
        port: String,
    },
    /// It speaks and answers nothing.
    Deaf {
        /// The port.
        port: String,
        /// A late answer is waited for still.
        #[serde(default)]
        so_far: bool,
    },
    /// It answered late: it is asked again with more patience, and got to know.
    AnswersSlowly {
        /// The port.
        port: String,
        /// It is given so many for each answer.
        seconds: u64,
    },
    /// It does not answer.
    Silent {
        /// The port.
        port: String,
        /// What is tried now.
        next: Remedy,
    },
    /// No answer came to a command.
    NoAnswer {
        /// The command.
        command: String,
        /// For how long, in milliseconds.
        waited: u64,
    },
    /// The port took no bytes.
    Stalled {
        /// For so many seconds.
        seconds: u64,
    },
    /// It starts anew: whatever was asked may or may not have been done.
    Restarts,
    /// It refused a command.
    Refused {
        /// Its word, if it said one.
        word: String,
    },
    /// It refused a packet.
    RefusedPacket {
        /// What its word means.
        means: Rejection,
        /// Its word.
        word: String,
    },
}

/// What is not as it should be with a device that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caution {
    /// Another program has the port open as well.
    OtherReader(String),
    /// Lines arrive incomplete.
    CutShort,
    /// Lines arrive garbled.
    Garbled,
    /// It answers slowly: it is given so many seconds.
    Slow(u64),
    /// Its port has no control line to switch it by; what the system says.
    NoControlLines(String),
    /// The noise at the antenna is too strong.
    TooNoisy,
    /// The noise at the antenna is strong.
    Noisy,
}

/// What is in the way of opening a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// It is not there.
    Missing,
    /// This program may not use it.
    Forbidden,
    /// Another program has it; its name and number, if they can be seen.
    Held(Option<String>),
    /// This box asks what it is, for a moment.
    Asked,
    /// It is something else than a serial port.
    NotSerial,
    /// What the system says.
    Other(String),
}

/// Something at the end of a serial line that is not the modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Foreign {
    /// What we say comes back.
    Echo,
    /// Another instrument of NMEA 0183.
    Instrument,
    /// A GPS receiver.
    Gps,
    /// An AIS receiver.
    Ais,
    /// A modem that is commanded with AT.
    AtModem,
    /// A serial console.
    Console,
    /// A stick for Zigbee devices.
    Zigbee,
}

/// What is tried with a modem that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// It is asked again.
    Ask,
    /// Its port is opened anew.
    Reopen,
    /// A late answer is waited for.
    Listen,
    /// It is told to restart.
    Restart,
    /// It is switched off and on by a control line.
    Switch,
    /// It is asked every minute: a person has to look.
    Wait,
}

/// What a modem's word for a refused packet means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The packet is too long.
    TooLong,
    /// Its data is not taken.
    Data,
    /// The application id is not taken.
    AppId,
    /// The modem has no device id.
    NoDeviceId,
    /// The modem does not know the command.
    UnknownCommand,
    /// It has no GPS time.
    NoTime,
    /// Its queue is full.
    QueueFull,
    /// The hold time was over.
    HoldTimeOver,
    /// The hold time is not taken.
    HoldTime,
    /// It is busy.
    Busy,
    /// It could not read the command.
    Unreadable,
    /// Its manual does not have the word.
    Undocumented,
}

/// How a device knows where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpsFix {
    /// It does not.
    None,
    /// By dead reckoning.
    DeadReckoning,
    /// By satellites, without its altitude.
    Flat {
        /// Corrected by a station on the ground.
        differential: bool,
    },
    /// By satellites, with its altitude.
    Full {
        /// Corrected by a station on the ground.
        differential: bool,
    },
    /// By both.
    Combined,
    /// Only the time is known.
    TimeOnly,
    /// A word that the manual does not have.
    Other(String),
}
