//! What a link says of the device, or the service, at its other end: a serial port, a modem, an account.

use serde::{Deserialize, Serialize};

/// The state of a link's other end, or how a command to it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum DeviceReason {
    /// Nothing was looked for yet.
    Looking,
    /// It takes packets, and nothing is wrong.
    Ready,
    /// It takes packets, and something is not as it should be.
    ReadyBut {
        /// What its owner should look at.
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
    /// The modem's own queue is full.
    QueueFull,
    /// As many packets wait on it as may.
    Waiting {
        /// How many of our packets wait on the modem.
        packets: u64,
    },
    /// Its number is none that a device can have.
    BadNumber {
        /// The device id, as the modem says it.
        number: u64,
    },
    /// The modem has no device id.
    NoNumber,
    /// Another device is in its place since the hand-over was prepared.
    Exchanged,
    /// The modem starts up and takes nothing yet.
    Starting,
    /// It did not answer and was told to start anew.
    ToldToRestart,
    /// The modem was shut down; only its power switch starts it again.
    ShutDown,
    /// No USB serial adapter of a modem is plugged in.
    NoAdapter {
        /// `brltty` runs, which takes such adapters away.
        brltty: bool,
    },
    /// Its port cannot be opened.
    Unopened {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
        /// What the system, or another program, has against it.
        obstacle: Obstacle,
    },
    /// Its port has no control lines, though one is named that switches it.
    NoControlLines {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
        /// What the system says.
        why: String,
    },
    /// No port is open: nothing can be asked or handed over.
    NoPort,
    /// The open port was closed by the system: unplugged, or its adapter failed.
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
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
        /// What it looks like; `None` when it just does not answer like a modem.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        looks_like: Option<Foreign>,
    },
    /// Another program reads the same port.
    OtherReader {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
        /// Name and number of the program, as the system shows them.
        reader: String,
    },
    /// What it says arrives incomplete.
    CutShort {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
    },
    /// Only noise comes from it.
    Noise {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
    },
    /// It speaks and answers nothing.
    Deaf {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
        /// A late answer is waited for still.
        #[serde(default)]
        so_far: bool,
    },
    /// It answered late: it is asked again with more patience, and got to know.
    AnswersSlowly {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
        /// It is given so many for each answer.
        seconds: u64,
    },
    /// It does not answer.
    Silent {
        /// Path of the serial port, such as `/dev/ttyUSB0`.
        port: String,
        /// What is done about it now.
        next: Remedy,
    },
    /// No answer came to a command.
    NoAnswer {
        /// Name of the command, or its beginning.
        command: String,
        /// For how long, in milliseconds.
        waited: u64,
    },
    /// The port took no bytes.
    Stalled {
        /// Seconds for which it was tried.
        seconds: u64,
    },
    /// It starts anew: whatever was asked may or may not have been done.
    Restarts,
    /// The modem answered a command with an error.
    Refused {
        /// The error as the modem wrote it; empty where it gave none.
        word: String,
    },
    /// The modem answered with an error when it was given a packet.
    RefusedPacket {
        /// The meaning of its word by the manual.
        means: Rejection,
        /// The error as the modem wrote it; empty for a bare `ERR`.
        word: String,
    },
}

/// What is not as it should be with a device that works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caution {
    /// Another program has the port open as well.
    OtherReader(String),
    /// Lines of the modem arrive incomplete: another reader, or a bad cable.
    CutShort,
    /// Many lines of the modem are no valid sentence: a bad cable, or weak power.
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
    /// No file of that name exists.
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
    /// A GPS receiver: it says sentences such as `$GPGGA`.
    Gps,
    /// An AIS receiver: it says sentences such as `!AIVDM`.
    Ais,
    /// A modem that is commanded with AT.
    AtModem,
    /// A serial console: it asks for a log-in.
    Console,
    /// A stick for Zigbee devices.
    Zigbee,
}

/// What is tried with a modem that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// The same question goes to it once more.
    Ask,
    /// Its port is opened anew.
    Reopen,
    /// A late answer is waited for.
    Listen,
    /// The modem is told to restart.
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
    /// The packet has more bytes than the modem takes.
    TooLong,
    /// Its data is not taken.
    Data,
    /// The application id is not taken.
    AppId,
    /// The modem has no device id.
    NoDeviceId,
    /// The modem does not know the command.
    UnknownCommand,
    /// The modem has no GPS time yet.
    NoTime,
    /// The modem's queue is full.
    QueueFull,
    /// The hold time of the packet was over when the modem read it.
    HoldTimeOver,
    /// The hold time is not taken.
    HoldTime,
    /// The modem is busy with something else: it is asked again.
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
    /// It has no position.
    None,
    /// By dead reckoning, without satellites.
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
    /// By satellites and dead reckoning together.
    Combined,
    /// Only the time is known, no position.
    TimeOnly,
    /// A word that the manual does not have.
    Other(String),
}
