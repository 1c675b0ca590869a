//! The words of the control socket, and the lines of the sky.

use super::terminals::Terminals;
use crate::hex;
use crate::sim::sky::Reply;

impl Terminals {
    /// Answers a line of the sky.
    pub(super) fn heard(&mut self, line: &str) -> String {
        let reply = match serde_json::from_str(line) {
            Ok(ask) => self.sky(ask),
            Err(why) => Reply { error: Some(why.to_string()), ..Reply::default() },
        };
        serde_json::to_string(&reply).unwrap_or_else(|_| "{}".to_owned())
    }

    /// Carries a line of the control socket out; the answer without its last line feed.
    pub(super) fn command(&mut self, line: &str, service: &str) -> String {
        self.obey(line, service).unwrap_or_else(|why| format!("error {why}"))
    }

    fn obey(&mut self, line: &str, service: &str) -> Result<String, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["hook", "none"] => self.hook = None,
            ["hook", url] => self.hook = Some((*url).to_owned()),
            ["up", imei, momsn, rest @ ..] => {
                let momsn = momsn.parse().map_err(|_| "MOMSN is a number from 0 to 65535")?;
                let data = rest.first().copied().unwrap_or_default();
                hex::decode(data.as_bytes()).ok_or("write the bytes as pairs of hex digits")?;
                self.tell(imei, momsn, data.to_owned());
            }
            ["again"] => {
                let now = self.clock.now();
                self.to_tell.extend((0..self.ups.len()).map(|at| (now, at)));
            }
            ["fail", rest @ ..] => self.faults.plan(rest)?,
            ["clear-faults"] => self.faults.clear(),
            ["messages"] => return Ok(list(self.shown())),
            ["queue"] => return Ok(list(self.queued())),
            ["credits"] => {
                let of = |what| self.charged.get(what).copied().unwrap_or_default();
                return Ok(list(["mo", "mt", "mailbox"].map(|what| format!("{what} {}", of(what))).to_vec()));
            }
            ["journal"] => return Ok(list(self.journal.clone())),
            _ => return Err(format!("no such command; see 'satpost simulate {service} --help'")),
        }
        Ok("ok".to_owned())
    }
}

fn list(lines: Vec<String>) -> String {
    lines.into_iter().chain([".".to_owned()]).collect::<Vec<_>>().join("\n")
}
