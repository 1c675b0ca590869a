//! The owner's words for the other end of a link: what is going on, and what to do if something is wrong.

use std::fmt::{Display, Formatter, Result};

use crate::message::reason::{
    Caution, DeviceReason, Foreign, GpsFix, Obstacle, Rejection, Remedy, SignalFigures, TrackingReason,
};

/// The sentence for a modem that just works.
const READY: &str = "ready";

impl Display for DeviceReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Looking => f.write_str("looking for the modem"),
            Self::Ready => f.write_str(READY),
            Self::ReadyBut { but } => but.fmt(f),
            Self::Answers { service, user, others } => {
                write!(f, "{service} answers to user '{user}'")?;
                others.map_or(Ok(()), |(app, ours)| {
                    write!(
                        f,
                        "; it also holds packets of application {app}, which stay there, as this box reads application {ours} \
                         (m138.app_id)"
                    )
                })
            }
            Self::NotAsked { service } => write!(f, "{service} was not asked yet"),
            Self::NoTime => f.write_str(
                "the modem has no GPS time yet and cannot send: its GPS antenna needs a free view of the sky",
            ),
            Self::QueueFull => f.write_str("the modem's queue is full: packets wait here until a satellite takes some"),
            Self::Waiting { packets } => write!(f, "{packets} packets wait on the modem already"),
            Self::BadNumber { number } => {
                write!(f, "the modem says that its device id is 0x{number:x}, which cannot be: replace the modem")
            }
            Self::NoNumber => f.write_str("the modem has no device id"),
            Self::Exchanged => f.write_str("the modem was exchanged for another one just now"),
            Self::Starting => f.write_str("the modem starts"),
            Self::ToldToRestart => f.write_str("the modem did not answer and was told to restart"),
            Self::ShutDown => f.write_str("the modem was shut down: switch its power off and on"),
            Self::NoAdapter { brltty: true } => f.write_str(
                "no USB serial adapter of a modem is there, and brltty runs, which takes them away a second after \
                 plugging: remove brltty, then plug the modem in again",
            ),
            Self::NoAdapter { brltty: false } => f.write_str(
                "no USB serial adapter of a modem is plugged in: plug the modem in, or name its port in the \
                 settings of the link",
            ),
            Self::Unopened { port, obstacle } => obstacle.words(f, port),
            Self::NoPort => f.write_str("no port is open"),
            Self::PortGone { why, unplugged } => {
                let next = if *unplugged { ": plug the modem in again" } else { "" };
                write!(f, "the modem's port has gone ({why}){next}")
            }
            Self::Reopened => f.write_str("the modem does not answer, its port is opened anew"),
            Self::NotAModem { port, looks_like: Some(what) } => write!(
                f,
                "what is plugged in at {port} looks like {what}, not like the modem of this link: name its port in the settings of the link"
            ),
            Self::NotAModem { port, looks_like: None } => {
                write!(f, "what is plugged in at {port} does not answer like a modem")
            }
            Self::OtherReader { port, reader } => {
                write!(f, "{reader} reads {port} as well and takes the modem's answers: stop that program")
            }
            Self::CutShort { port } => write!(
                f,
                "what the modem at {port} says arrives incomplete: another program may read the same port ('sudo fuser \
                 -v {port}' names it), or the cable loses bytes"
            ),
            Self::Noise { port } => write!(
                f,
                "only garbage comes from the modem at {port}: check cable, ground and power; satpost keeps asking"
            ),
            Self::Deaf { port, so_far: true } => write!(
                f,
                "the modem at {port} speaks but answers nothing so far: it may be slow; if this stays, check the line that \
                 leads to it"
            ),
            Self::Deaf { port, so_far: false } => {
                write!(f, "the modem at {port} speaks but answers nothing: check the line that leads to it")
            }
            Self::AnswersSlowly { port, seconds } => write!(
                f,
                "the modem at {port} answers slowly: it is given {seconds} s for each answer, and getting to know it takes minutes"
            ),
            Self::NoControlLines { port, why } => write!(
                f,
                "{port} has no control lines, so nothing can switch the modem off and on ({why}): choose none for that in the \
                 settings of the link, or an adapter with such a line"
            ),
            Self::Silent { port, next } => write!(f, "the modem at {port} does not answer, {next}"),
            Self::NoAnswer { command, waited } => {
                write!(f, "modem: no answer to {command} in {}.{} s", waited / 1000, waited % 1000 / 100)
            }
            Self::Stalled { seconds } => write!(f, "modem: the port took no bytes in {seconds} s"),
            Self::Restarts => f.write_str("the modem restarts"),
            Self::Refused { word } if word.is_empty() => f.write_str("the modem refused"),
            Self::Refused { word } => write!(f, "the modem refused ({word})"),
            Self::RefusedPacket { means, word } => {
                write!(f, "{means} (modem: {})", if word.is_empty() { "ERR" } else { word })
            }
        }
    }
}

impl Display for Caution {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::OtherReader(reader) => write!(
                f,
                "ready, but {reader} has the modem's port open as well and takes some of what it says: stop that program"
            ),
            Self::CutShort => f.write_str(
                "ready, but lines of the modem arrive incomplete: another program may read the same port ('sudo fuser \
                 -v' with its path names it), or the cable loses bytes",
            ),
            Self::Garbled => f.write_str("ready, but many of the modem's lines arrive garbled: check cable and power"),
            Self::Slow(seconds) => {
                write!(f, "ready, but the modem answers slowly: it is given {seconds} s for each answer")
            }
            Self::TooNoisy => f.write_str(
                "ready, but the noise at the antenna is too strong for satellites: move it away from electronics",
            ),
            Self::NoControlLines(why) => {
                write!(f, "ready; its port has no control lines, so nothing switches the modem off and on ({why})")
            }
            Self::Noisy => f.write_str("ready; the noise at the antenna is strong, a better place for it would help"),
        }
    }
}

impl Obstacle {
    fn words(&self, f: &mut Formatter<'_>, port: &str) -> Result {
        match self {
            Self::Missing => {
                write!(f, "{port} is not there: plug the modem in, or check the port in the settings of the link")
            }
            Self::Forbidden => {
                write!(f, "{port} may not be opened by this program: give its user the port's group (often dialout)")
            }
            Self::Held(Some(holder)) => {
                write!(f, "{port} is held by {holder}: stop that program, satpost takes the port by itself")
            }
            Self::Held(None) => {
                write!(f, "{port} is held by another program: 'sudo fuser -v {port}' names it, then stop it")
            }
            Self::Asked => write!(f, "{port} is asked what it is, which takes some seconds"),
            Self::NotSerial => write!(f, "{port} is not a serial port: check the port in the settings of the link"),
            Self::Other(why) => write!(f, "{port} cannot be opened: {why}"),
        }
    }
}

impl Display for Foreign {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Echo => "something that sends back what it hears",
            Self::Instrument => "a ship's instrument (NMEA 0183 sentences)",
            Self::Gps => "a GPS receiver (sentences such as $GPGGA)",
            Self::Ais => "an AIS receiver (sentences such as !AIVDM)",
            Self::AtModem => "a modem with AT commands",
            Self::Console => "a serial console (it asks for a log-in)",
            Self::Zigbee => "a Zigbee stick",
        })
    }
}

impl Display for Remedy {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Ask => "it is asked again",
            Self::Reopen => "its port is opened anew",
            Self::Listen => "a late answer is waited for; without one it is told to restart",
            Self::Restart => "it is told to restart",
            Self::Switch => "it is switched off and on by the control line of its adapter",
            Self::Wait => "it is asked again every minute: check its power and cable, or switch it off and on",
        })
    }
}

impl Display for Rejection {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::TooLong => "the modem says that the packet is too long",
            Self::Data => "the modem does not take this packet's data",
            Self::AppId => "the modem does not take our application id: change the setting m138.app_id",
            Self::NoDeviceId => "the modem has no device id: it was never provisioned, replace it",
            Self::UnknownCommand => "the modem does not know $TD: check its model and firmware",
            Self::NoTime => "the modem has no GPS time yet",
            Self::QueueFull => "the modem's queue is full",
            Self::HoldTimeOver => "the modem found the hold time already over",
            Self::HoldTime => "the modem does not take the hold time",
            Self::Busy => "the modem is busy",
            Self::Unreadable => "the modem could not read the command: check cable and power if this goes on",
            Self::Undocumented => "the modem refused for a reason that is not in its manual",
        })
    }
}

impl Display for GpsFix {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::None => "no fix",
            Self::DeadReckoning => "dead reckoning",
            Self::Flat { differential: false } => "2D fix",
            Self::Flat { differential: true } => "2D fix, differential",
            Self::Full { differential: false } => "3D fix",
            Self::Full { differential: true } => "3D fix, differential",
            Self::Combined => "GPS and dead reckoning",
            Self::TimeOnly => "time only",
            Self::Other(word) => word,
        })
    }
}

impl Display for SignalFigures {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let figures = [("RSSI", self.rssi, "dBm"), ("SNR", self.snr, "dB"), ("frequency deviation", self.fdev, "Hz")];
        let known = figures.into_iter().filter_map(|(name, value, unit)| Some((name, value?, unit)));
        for (at, (name, value, unit)) in known.enumerate() {
            write!(f, "{}{name} {} {unit}", if at == 0 { "" } else { ", " }, f64::from(value) / 10.0)?;
        }
        Ok(())
    }
}

impl Display for TrackingReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::BadMemo { why } => write!(f, "what was noted at the hand-over cannot be read: {why}"),
            Self::OnOtherDevice { device } => write!(f, "it may be on modem {device}: plug that modem back in"),
            Self::NotPluggedIn { device } => write!(f, "that packet is on modem {device}, which is not plugged in"),
            Self::OtherLink { holder } => write!(f, "it is a packet of another link ({holder})"),
            Self::LateAnswer => f.write_str("the modem's answer was a late one, to an earlier packet"),
            Self::EarlierOpen => f.write_str("it is not yet known whether the modem took an earlier packet"),
            Self::Length { bytes, most } => write!(f, "a packet has 1 to {most} bytes, this one {bytes}"),
            Self::NoDevice => f.write_str("the link has to know for which device a packet is"),
            Self::QueueDidNotGrow => f.write_str("the modem's queue did not grow"),
            Self::NotThere => f.write_str("it is not on the modem, and no satellite came since"),
            Self::NoId => f.write_str("the modem gave no id to it"),
            Self::UnknownId => f.write_str("the modem has it, under an id that is not known yet"),
            Self::OneUnknownId => f.write_str("the modem has a packet of unknown id"),
            Self::MayHaveLeft => f.write_str("the modem may have taken it, and a satellite too"),
            Self::UnseenIds => f.write_str("the modem gave ids that this box did not see, to this packet or to others"),
            Self::IdsDoNotTell => f.write_str("the modem may have taken it, and its ids do not tell"),
            Self::OnlyOthers => f.write_str("the link names packets of other messages only"),
            Self::SentAgain => f.write_str("not known whether it left; sent again"),
            Self::TakingBack => f.write_str("it was being taken back from the link when this box stopped"),
            Self::HoldTimeOver => f.write_str("its hold time ran out on the modem before a satellite came"),
            Self::NotListed { service, settled: true } => write!(f, "{service} does not list it"),
            Self::NotListed { service, settled: false } => write!(f, "{service} does not list it yet"),
            Self::Failed { service } => write!(f, "{service} reports an error with this packet"),
            Self::Unreached { service } => write!(f, "{service} could not reach the device and gave up"),
            Self::MayBeQueued { service } => {
                write!(f, "{service} may have queued it, and does not tell: a receipt of the far box would")
            }
            Self::NoWithdrawal { service } => {
                write!(f, "{service} cannot give a packet back; it goes to the device when that is heard")
            }
        }
    }
}
