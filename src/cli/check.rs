//! `satpost check`: looks at everything a box needs, one sentence for each finding, with the cure.

mod machine;
mod ways;

use argh::FromArgs;
use serde::Serialize;

use super::session::{Done, Failure, Session};
use super::table::columns;

/// Check settings, people, ports, certificate, disk, clock, modem, Hive and relay. Ends with 0 only if nothing is wrong.
#[derive(FromArgs)]
#[argh(
    subcommand,
    name = "check",
    note = "'wrong' has to be mended; 'look' works, but may not be what you want. The relay is asked, and gets no mail."
)]
pub struct Check {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    /// As it should be.
    Well,
    /// Works, and may not be what the owner wants.
    Look,
    /// Has to be mended.
    Wrong,
}

/// One sentence about one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    part: &'static str,
    grade: Grade,
    words: String,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn well(&mut self, part: &'static str, words: impl std::fmt::Display) {
        self.0.push(Finding { part, grade: Grade::Well, words: words.to_string() });
    }

    fn look(&mut self, part: &'static str, words: impl std::fmt::Display) {
        self.0.push(Finding { part, grade: Grade::Look, words: words.to_string() });
    }

    fn wrong(&mut self, part: &'static str, words: impl std::fmt::Display) {
        self.0.push(Finding { part, grade: Grade::Wrong, words: words.to_string() });
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
        ways::link(session, &mut findings);
        ways::relay(session, &mut findings);
        ways::texts(session, &mut findings);
        let wrong = findings.0.iter().filter(|finding| finding.grade == Grade::Wrong).count();
        if self.json {
            session.json(&serde_json::json!({"well": wrong == 0, "findings": findings.0}));
        } else {
            let word = |grade| match grade {
                Grade::Well => "well",
                Grade::Look => "look",
                Grade::Wrong => "wrong",
            };
            let row = |found: &Finding| vec![word(found.grade).to_owned(), found.part.to_owned(), found.words.clone()];
            session.out.push_str(&columns(&findings.0.iter().map(row).collect::<Vec<_>>()));
        }
        match wrong {
            0 => Ok(()),
            1 => Err(Failure::failed("one thing is wrong")),
            many => Err(Failure::failed(format!("{many} things are wrong"))),
        }
    }
}
