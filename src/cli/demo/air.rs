//! What is behind the internet line of the demo: a satellite modem on the boat, and what hears it on the ground.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use super::{part, random};
use crate::address::DeviceId;
use crate::cli::session::Failure;
use crate::sim::ground::Handle;
use crate::sim::{cloudloop, hive, imt, modem, rockblock, sbd};

/// The modem on the boat, of each network.
const DEVICE: u32 = 0x1abe;
/// The same.
const TERMINAL: &str = "300258060000000";
/// A session, or a message on air, takes so long in the simulator's own time.
const AIR: Duration = Duration::from_secs(20);
/// A satellite passes every so often, for so long.
const PASSES: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(4));

/// Which link is behind the internet line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// A Swarm M138.
    M138,
    /// An Iridium SBD modem.
    Sbd,
    /// An Iridium IMT modem.
    Imt,
    /// None.
    Nothing,
}

impl FromStr for Behind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "m138" => Ok(Self::M138),
            "sbd" => Ok(Self::Sbd),
            "imt" => Ok(Self::Imt),
            "ip" => Ok(Self::Nothing),
            _ => Err(format!("write m138, sbd, imt or ip, not '{}'", word.escape_debug())),
        }
    }
}

/// A satellite link at work.
pub enum Air {
    /// Modem and Hive.
    Swarm {
        /// Ends before the Hive.
        _modem: modem::Handle,
        hive: hive::Handle,
        /// The port of the modem, and the password at the Hive.
        port: String,
        password: String,
    },
    /// SBD modem and the RockBLOCK service.
    Sbd {
        /// Ends before the service.
        _modem: sbd::Handle,
        service: Handle<rockblock::Rockblock>,
        /// The port of the modem, the password at the service, and the secret part of its webhook.
        port: String,
        password: String,
        path: String,
    },
    /// IMT modem and the Cloudloop service.
    Imt {
        /// Ends before the service.
        _modem: imt::Handle,
        service: Handle<cloudloop::Cloudloop>,
        /// The port of the modem, the token at the service, and the secret part of its webhook.
        port: String,
        token: String,
        path: String,
    },
    /// None.
    Nothing,
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The secret part of a webhook.
fn secret() -> Result<String, Failure> {
    Ok(random()? + &random()?)
}

impl Air {
    /// Starts modem and ground.
    ///
    /// # Errors
    /// A sentence that names the part that could not start.
    pub fn start(behind: Behind, folder: &Path, password: &str) -> Result<Self, Failure> {
        let path = |name: &str| folder.join(name);
        let (port, password) = (path("modem").display().to_string(), password.to_owned());
        let anywhere = ([127, 0, 0, 1], 0).into();
        match behind {
            Behind::Nothing => Ok(Self::Nothing),
            Behind::M138 => {
                let device = DeviceId::new(u64::from(DEVICE)).map_err(Failure::failed)?;
                let hive = hive::Options {
                    listen: anywhere,
                    user: "demo".to_owned(),
                    password: password.clone(),
                    device: vec![device],
                    sky: Some(path("sky")),
                    control: None,
                    state: None,
                    token_life: 3600,
                };
                let hive = hive::start(hive).map_err(|error| part("Hive", &error))?;
                let modem = modem::Options {
                    sky: Some(path("sky")),
                    pass_every: PASSES.0,
                    pass_length: PASSES.1,
                    factor: 10,
                    ..modem::Options::new(path("modem"))
                };
                let modem = modem::start(modem).map_err(|error| part("modem", &error))?;
                Ok(Self::Swarm { _modem: modem, hive, port, password })
            }
            Behind::Sbd => {
                let service = rockblock::Options {
                    listen: anywhere,
                    user: "demo".to_owned(),
                    password: password.clone(),
                    terminal: vec![TERMINAL.to_owned()],
                    hook: None,
                    sky: Some(path("sky")),
                    control: None,
                };
                let service = rockblock::start(service).map_err(|error| part("ground service", &error))?;
                let modem = sbd::Options {
                    port: path("modem"),
                    imei: TERMINAL.to_owned(),
                    state: None,
                    sky: Some(path("sky")),
                    control: None,
                    session: AIR,
                    factor: 10,
                    core: false,
                };
                let modem = sbd::start(modem).map_err(|error| part("modem", &error))?;
                Ok(Self::Sbd { _modem: modem, service, port, password, path: secret()? })
            }
            Behind::Imt => {
                let service = cloudloop::Options {
                    listen: anywhere,
                    token: password.clone(),
                    terminal: Vec::new(),
                    imt: vec![TERMINAL.to_owned()],
                    hook: None,
                    sky: Some(path("sky")),
                    control: None,
                };
                let service = cloudloop::start(service).map_err(|error| part("ground service", &error))?;
                let modem = imt::Options {
                    port: path("modem"),
                    imei: TERMINAL.to_owned(),
                    state: None,
                    sky: Some(path("sky")),
                    control: None,
                    transit: AIR,
                    factor: 10,
                };
                let modem = imt::start(modem).map_err(|error| part("modem", &error))?;
                Ok(Self::Imt { _modem: modem, service, port, token: password, path: secret()? })
            }
        }
    }

    /// The command that adds its link to the station.
    pub fn of_station(&self) -> Option<Vec<String>> {
        let add = ["link", "add", "satellite"];
        Some(match self {
            Self::Swarm { port, .. } => words(&[&add[..], &["m138", "link.price", "0.07", "m138.port", port]].concat()),
            Self::Sbd { port, .. } => {
                let more = ["sbd", "link.unit", "credit", "link.price", "0.12", "sbd.port", port];
                words(&[&add[..], &more].concat())
            }
            Self::Imt { port, .. } => {
                let more = ["imt", "link.unit", "byte", "link.price", "0.0004", "imt.port", port];
                words(&[&add[..], &more].concat())
            }
            Self::Nothing => return None,
        })
    }

    /// The command that adds its link to the gateway.
    pub fn of_gateway(&self) -> Option<Vec<String>> {
        Some(match self {
            Self::Swarm { hive, password, .. } => {
                let url = hive.url();
                let log_in = ["hive.url", &url, "hive.user", "demo", "hive.password", password, "hive.poll", "1"];
                words(&[&["link", "add", "satellite", "hive", "link.price", "0.07"][..], &log_in].concat())
            }
            Self::Sbd { service, password, path, .. } => {
                let (url, key) = (rockblock::url(service), rockblock::public_key());
                let add = ["link", "add", "satellite", "rockblock", "link.unit", "credit", "link.price", "0.12"];
                let log_in = ["rockblock.url", &url, "rockblock.user", "demo", "rockblock.password", password];
                words(&[&add[..], &log_in, &["rockblock.path", path, "rockblock.key", key]].concat())
            }
            Self::Imt { service, token, path, .. } => {
                let things = format!("{TERMINAL}={}/imt", cloudloop::thing(TERMINAL));
                let add = ["link", "add", "satellite", "cloudloop", "link.unit", "byte", "link.price", "0.0004"];
                let url = service.base();
                let log_in = ["cloudloop.url", &url, "cloudloop.token", token, "cloudloop.path", path];
                let more = ["cloudloop.things", &things, "cloudloop.callers", "127.0.0.0/8"];
                words(&[&add[..], &log_in, &more].concat())
            }
            Self::Nothing => return None,
        })
    }

    /// The far box of the gateway, as people write it.
    pub fn far_box(&self) -> String {
        match self {
            Self::Swarm { .. } | Self::Nothing => format!("{DEVICE:#08x}"),
            Self::Sbd { .. } | Self::Imt { .. } => format!("imei:{TERMINAL}"),
        }
    }

    /// The ground tells this gateway what comes down.
    pub fn calls(&self, gateway: SocketAddr) {
        match self {
            Self::Sbd { service, path, .. } => service.calls(format!("http://{gateway}/hooks/rockblock/{path}")),
            Self::Imt { service, path, .. } => service.calls(format!("http://{gateway}/hooks/cloudloop/{path}")),
            Self::Swarm { .. } | Self::Nothing => {}
        }
    }

    /// What it is, for who watches.
    pub fn about(&self) -> &'static str {
        match self {
            Self::Swarm { .. } => {
                "Behind it a satellite of Swarm passes every 6 seconds, at 0.07 USD a packet: a message waits 5 seconds for the line, \
                 then it goes by satellite. (Swarm was switched off; --link sbd and --link imt show modems that can be bought.)"
            }
            Self::Sbd { .. } => {
                "Behind it an Iridium SBD modem (RockBLOCK 9603) has a session whenever there is something to send, at 0.12 USD for each \
                 50 bytes: a message waits 5 seconds for the line, then it goes by satellite."
            }
            Self::Imt { .. } => {
                "Behind it an Iridium IMT modem (RockBLOCK 9704) takes messages of any length, at 0.0004 USD a byte: a message waits 5 \
                 seconds for the line, then it goes by satellite."
            }
            Self::Nothing => "Nothing is behind it: messages wait until it is there again.",
        }
    }
}
