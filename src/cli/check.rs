//! `satpost check`: looks at everything a box needs, one sentence for each finding, with what to do.

mod machine;
mod outside;
mod ways;

use argh::{ArgsInfo, FromArgs};
use serde::{Deserialize, Serialize};

pub use machine::unused;

use super::session::{Done, Failure, Session};
use super::table::columns;

/// Check settings, people, ports, certificate, disk, clock, modem, Hive and relay. Ends with 0 if there is no error.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "check",
    note = "'error' has to be fixed; 'warn' works, but may not be what you want. The relay is asked, and gets no mail."
)]
pub struct Check {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Ok,
    /// Works, and may not be what the owner wants.
    Warn,
    /// Has to be fixed.
    Error,
}

impl Level {
    /// Gives the word in front of a line, and in JSON.
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One sentence about one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Finding {
    part: String,
    level: Level,
    words: String,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, part: &'static str, words: impl std::fmt::Display) {
        self.0.push(Finding { part: part.to_owned(), level: Level::Ok, words: words.to_string() });
    }

    fn warn(&mut self, part: &'static str, words: impl std::fmt::Display) {
        self.0.push(Finding { part: part.to_owned(), level: Level::Warn, words: words.to_string() });
    }

    fn error(&mut self, part: &'static str, words: impl std::fmt::Display) {
        self.0.push(Finding { part: part.to_owned(), level: Level::Error, words: words.to_string() });
    }
}

impl Check {
    pub(super) fn act(&self, session: &mut Session) -> Done {
        let mut findings = Findings::default();
        ways::settings(session, &mut findings);
        ways::people(session, &mut findings);
        machine::disk(session, &mut findings);
        machine::clock(session, &mut findings);
        machine::ports(session, &mut findings);
        machine::certificate(session, &mut findings);
        machine::backups(session, &mut findings);
        machine::plugged(session, &mut findings);
        machine::gps(session, &mut findings);
        ways::links(session, &mut findings);
        ways::relay(session, &mut findings);
        ways::texts(session, &mut findings);
        session.out.push_str(&shown(&findings.0, self.json));
        end(&findings.0)
    }
}

fn shown(findings: &[Finding], json: bool) -> String {
    if json {
        let ok = findings.iter().all(|finding| finding.level != Level::Error);
        // Words and lists always serialise.
        return format!("{:#}\n", serde_json::json!({"ok": ok, "findings": findings}));
    }
    let row = |found: &Finding| vec![found.level.word().to_owned(), found.part.clone(), found.words.clone()];
    columns(&findings.iter().map(row).collect::<Vec<_>>())
}

/// How a check with these findings ends.
fn end(findings: &[Finding]) -> Done {
    match findings.iter().filter(|finding| finding.level == Level::Error).count() {
        0 => Ok(()),
        1 => Err(Failure::failed("there is one error")),
        many => Err(Failure::failed(format!("there are {many} errors"))),
    }
}
