//! The words of the control socket.

use super::Carrier;
use super::phones::Text;

impl Carrier {
    /// Carries a line of the control socket out; the answer without its last line feed.
    pub(super) fn command(&mut self, line: &str) -> String {
        self.obey(line).unwrap_or_else(|why| format!("error {why}"))
    }

    fn obey(&mut self, line: &str) -> Result<String, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["text", from, to, ..] => {
                let text = line.splitn(4, ' ').nth(3).unwrap_or_default().replace("\\n", "\n");
                return Ok(format!("ok {}", self.phone_texts(from, to, &text)));
            }
            ["media", count, from, to, ..] => {
                let count = count.parse().map_err(|_| "N is a number")?;
                let text = line.splitn(5, ' ').nth(4).unwrap_or_default().replace("\\n", "\n");
                return Ok(format!("ok {}", self.phone_sends(from, to, &text, count)));
            }
            ["fail", rest @ ..] => self.faults.plan(rest)?,
            ["clear-faults"] => self.faults.clear(),
            ["reject", number, code] => {
                let code = code.parse().map_err(|_| "CODE is a number")?;
                self.phones.rejected.insert((*number).to_owned(), code);
            }
            ["report", "delivered"] => self.phones.end(Some("delivered")),
            ["report", "undelivered"] => self.phones.end(Some("undelivered")),
            ["report", "never"] => self.phones.end(None),
            ["hook", "none"] => {
                self.calls.hook = None;
                self.calls.clear();
            }
            ["hook", url, public, method @ ..] if matches!(method, [] | ["get"]) => {
                self.calls.hook = Some(((*url).to_owned(), (*public).to_owned()));
                self.calls.get = !method.is_empty();
            }
            ["again", id] => match self.phones.find(id).map(|text| text.outbound) {
                Some(true) => self.tell_report(id),
                Some(false) => self.tell_incoming(id),
                None => return Err("no such text".to_owned()),
            },
            ["phones"] => return Ok(list(self.phones.all().map(Text::shown).map(|text| text.to_string()))),
            ["journal"] => return Ok(list(self.journal.iter().cloned())),
            _ => return Err("no such command; see 'satpost simulate carrier --help'".to_owned()),
        }
        Ok("ok".to_owned())
    }
}

fn list(lines: impl Iterator<Item = String>) -> String {
    lines.chain([".".to_owned()]).collect::<Vec<_>>().join("\n")
}
