//! What the box itself cannot see from its sandbox: the names of other programs. The command looks, when root gave it.

use std::path::Path;
use std::process::ExitCode;

use serde::Deserialize;

use super::super::session::{Failure, Request};
use super::super::{Command, print, reach};
use super::{Check, Finding, end, shown};
use crate::sys::process;

/// What a box answers.
#[derive(Deserialize)]
struct Answered {
    findings: Vec<Finding>,
}

impl Check {
    /// Has the box look, and puts the names of programs into what it says.
    pub(in super::super) fn go(self, data: &Path, mut words: Vec<String>) -> Result<ExitCode, Failure> {
        let json = self.json;
        if !json {
            words.push("--json".to_owned());
        }
        let mut answer = reach::ask(data, &Request { args: words, input: None }, &Command::Check(self))?;
        let out = answer.out_text();
        let Ok(mut answered) = serde_json::from_str::<Answered>(&out) else {
            return Ok(ExitCode::from(answer.print()));
        };
        for finding in &mut answered.findings {
            finding.words = process::name_holders(&finding.words);
        }
        print(&shown(&answered.findings, json))?;
        answer.forget_out();
        if let Err(failure) = end(&answered.findings) {
            answer.code = failure.code;
        }
        Ok(ExitCode::from(answer.print()))
    }
}
