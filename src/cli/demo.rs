//! `satpost demo`: runs a station and a gateway, and simulates everything between and around them.
//!
//! ```text
//!                          -> internet line, free ->
//!  mail program -> station                            gateway -> mail server, carrier and phone
//!   (yours)        a child  -> modem -> sky -> ground -> a child  this process
//!                              ...this process...
//! ```
//!
//! Both boxes are this same program with nothing changed; nothing in them knows that the rest is simulated.

mod air;
mod messages;
mod parts;
mod watch;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use argh::{ArgsInfo, FromArgs};
use smol::future::or;

use super::say;
use super::session::Failure;
use crate::sys::signals::Stop;
use air::Behind;
use parts::DemoParts;
use watch::Watch;

/// A phone in the world.
const PHONE: &str = "+14155550123";
/// Anna's service number.
const NUMBER: &str = "+14155550199";

/// How often the boxes are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// The internet line is there for so long. One that breaks sooner is dialled ever more rarely by the station.
const THERE: Duration = Duration::from_secs(105);
/// Then it is away for so long; of a longer time the boxes would ask less often whether it is back.
const AWAY: Duration = Duration::from_secs(15);
/// The station sees that it came back within so long.
const SEEN: Duration = Duration::from_secs(180);
/// `--once` is over after this, one way or the other.
const ONCE_LIMIT: Duration = Duration::from_secs(90);

/// Show how it works: a station and a gateway with a simulated internet line, modem, sky, ground, mail server and phone. Needs
/// no root and no network; Ctrl-C ends it and leaves nothing behind. Its modem stays plugged in: satpost simulate has one, with a
/// console, to be pulled.
#[derive(ArgsInfo, FromArgs)]
#[argh(subcommand, name = "demo", error_code(0, "ended by Ctrl-C, or with --once: messages and texts arrived"))]
pub struct Demo {
    /// what is behind the internet line: m138 (a Swarm modem, the default), sbd or imt (Iridium modems that can be bought today),
    /// ip (nothing)
    #[argh(option, default = "Behind::M138")]
    link: Behind,
    /// send a message and a text each way, wait for all, and end; with 1 if they did not arrive in 90 s
    #[argh(switch)]
    once: bool,
}

impl Demo {
    pub(super) fn go(self) -> Result<ExitCode, Failure> {
        // Caught before anything is made, so that everything made is taken away again.
        let mut signals = Stop::catch().map_err(|error| Failure::failed(error.to_string()))?;
        let began = Instant::now();
        tell(
            "Starting two boxes, an internet line, a modem, a sky, its ground, a mail server and a carrier with a phone ...",
        );
        let mut parts = match DemoParts::start(self.link) {
            // Ctrl-C on a terminal reaches the boxes as well: that they ended is no failure then.
            Err(_) if wait(&mut signals, Duration::ZERO) => return Ok(ExitCode::SUCCESS),
            started => started?,
        };
        if !self.once {
            tell(&messages::explain(&parts));
        }
        messages::out(&parts)?;
        tell("A first message is on its way from the boat to bob@world.example.");
        messages::text(&parts);
        tell("A phone texts the boat.");
        let mut watch = Watch::default();
        let (mut line, mut turned, mut seen, mut answered) = (true, Instant::now(), true, false);
        loop {
            for news in watch.look(&parts)? {
                tell(&news);
            }
            if self.once && watch.at_sink > 0 && watch.texts_in_mailbox > 0 && !answered {
                answered = true;
                let gone = self.link != Behind::Nothing;
                if gone {
                    line = false;
                    parts.turn_line(line)?;
                    parts.wait_line(line)?;
                }
                let how = if gone { "The internet line is gone. " } else { "" };
                tell(&format!("\n{how}Bob answers, and Anna answers the phone by mail."));
                messages::back(&parts)?;
                messages::text_back(&parts)?;
            }
            if !self.once && seen && turned.elapsed() >= if line { THERE } else { AWAY } {
                (line, turned, seen) = (!line, Instant::now(), false);
                parts.turn_line(line)?;
            }
            if !seen && parts.sees_line(line)? {
                (turned, seen) = (Instant::now(), true);
                tell(if line { "\nThe internet line is back." } else { "\nThe internet line is gone." });
            }
            if !seen && turned.elapsed() > SEEN {
                return Err(parts.failure(parts::NOT_SEEN));
            }
            if self.once && watch.at_sink > 0 && watch.in_mailbox > 0 && watch.at_phone > 0 {
                let took = began.elapsed().as_secs();
                tell(&format!("Messages and texts arrived both ways, {took} s after the start."));
                return Ok(ExitCode::SUCCESS);
            }
            if self.once && began.elapsed() > ONCE_LIMIT {
                return Err(parts.failure("messages or texts did not arrive in 90 s"));
            }
            if let Some(why) = parts.ended() {
                return Err(parts.failure(&why));
            }
            if wait(&mut signals, LOOK) {
                tell("Ended.");
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

/// Waits; true when somebody wants the end.
fn wait(signals: &mut Stop, pause: Duration) -> bool {
    let signal = async {
        signals.next().await;
        true
    };
    let over = async {
        smol::Timer::after(pause).await;
        false
    };
    smol::block_on(or(signal, over))
}

fn tell(text: &str) {
    say(&mut std::io::stdout(), &format!("{}\n", text.trim_end()));
}

/// Ten random digits.
fn random() -> Result<String, Failure> {
    let mut random = [0; 5];
    getrandom::fill(&mut random).map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
    Ok(crate::hex::encode(&random))
}

/// Says which part could not start.
fn part(what: &str, error: &std::io::Error) -> Failure {
    Failure::failed(format!("the simulated {what} cannot start: {error}"))
}
