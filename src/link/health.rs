//! What a link tells of itself: its state, and values that it has measured.

use serde::{Deserialize, Serialize};

use crate::address::{DeviceId, LinkAddress};
use crate::clock::Time;
use crate::message::Reason;
use crate::message::reason::GpsFix;

/// A series of measured values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Series {
    /// Background noise at the antenna, dBm; lower is better.
    Noise,
    /// Strength of the last satellite packet heard, dBm.
    Rssi,
    /// Signal to noise ratio of it, dB.
    Snr,
    /// Modem temperature, degrees Celsius.
    Temperature,
    /// Modem supply, volts.
    Volts,
    /// GPS satellites in use.
    Gps,
    /// Signal, in bars from 0 to 5.
    Bars,
    /// How the link stands: a value of [`Standing`](crate::links::Standing).
    Ready,
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
}

impl Series {
    /// Its name in the store and in addresses of the page.
    pub fn word(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::Rssi => "rssi",
            Self::Snr => "snr",
            Self::Temperature => "temperature",
            Self::Volts => "volts",
            Self::Gps => "gps",
            Self::Bars => "bars",
            Self::Ready => "ready",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
        }
    }
}

/// The state of a link, with what is known of the hardware.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Health {
    /// Ready to take packets.
    pub ready: bool,
    /// What is going on; its words say what to do if something is wrong.
    pub state: Reason,
    /// Port or address in use.
    pub port: Option<String>,
    /// Device id of the modem.
    pub device: Option<DeviceId>,
    /// Number of the modem in a network that has other numbers than those of [`Health::device`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<LinkAddress>,
    /// Firmware as the modem names it.
    pub firmware: Option<String>,
    /// Latitude and longitude in degrees, altitude in metres.
    pub position: Option<(f64, f64, f64)>,
    /// How the device knows where it is.
    pub fix: Option<GpsFix>,
    /// When a satellite was last heard.
    pub last_satellite: Option<Time>,
    /// Signal at the antenna in bars, 0 to 5, as the modem told it last; `None` where it tells none.
    #[serde(default)]
    pub bars: Option<u8>,
    /// Whether its network knows the modem; `None` while that is not known, or where there is no such thing.
    #[serde(default)]
    pub registered: Option<bool>,
    /// Packets that wait in the link's own queue.
    pub waiting: Option<u64>,
    /// Lines that came garbled since start.
    pub garbled: u64,
    /// Times the link was opened anew since start.
    pub reopened: u64,
}

impl Health {
    /// Says by which address the network of the modem names it; `None` where there is none, or it did not name itself yet.
    pub fn modem(&self) -> Option<LinkAddress> {
        self.device.map(LinkAddress::M138).or(self.terminal)
    }

    /// True while the modem answers: what it measured last is what it measures now.
    pub fn answers(&self) -> bool {
        self.port.is_some()
    }

    /// Says, line by line, what is known of a modem without a message that costs: whether it answers, signal, registration.
    pub fn without_cost(&self) -> Vec<String> {
        let answers = match (&self.port, &self.firmware, self.device) {
            (Some(port), Some(firmware), _) => format!("the modem at {port} answers: {firmware}"),
            (Some(port), None, Some(device)) => format!("the modem at {port} answers: {device}"),
            (Some(port), None, None) => format!("{port} is open, and the modem has not answered yet"),
            (None, ..) => "no modem answers".to_owned(),
        };
        let signal = self.bars.map(|bars| match bars {
            bars if !self.answers() => format!("signal when it last answered: {bars} of 5 bars"),
            0 => "signal: 0 of 5 bars: the antenna sees no satellite now".to_owned(),
            bars => format!("signal: {bars} of 5 bars"),
        });
        let network = self.registered.filter(|_| self.answers()).map(|known| match known {
            true => "its network knows it".to_owned(),
            false => {
                "its network does not know it yet: it has to be activated at the seller, and to see the sky".to_owned()
            }
        });
        [Some(answers), signal, network].into_iter().flatten().collect()
    }
}
