//! What a delivery report says: which mail, which recipient, what became of it.

use super::clean;
use super::decode;
use super::head::Head;
use super::mime::{Part, Tree};

/// Bytes of a report that are read.
const MAX_REPORT: usize = 64 * 1024;

/// A delivery status notification (RFC 3464), or an older mail server's mail to the same end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// Message-ID of the mail it is about, with angle brackets.
    pub message_id: Option<String>,
    /// The recipient it is about, as far as the report says.
    pub recipient: Option<String>,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`.
    pub action: String,
    /// Enhanced status code such as `5.1.1`.
    pub status: Option<String>,
    /// What the far server said, on one line.
    pub diagnostic: Option<String>,
}

/// Reads the report in a mail; `None` when it is none. Only the first recipient is looked at: a box sends one mail
/// to each recipient.
pub fn read(tree: &Tree<'_>) -> Option<Bounce> {
    let report = tree
        .parts
        .iter()
        .find(|part| matches!(part.typed.value.as_str(), "message/delivery-status" | "message/global-delivery-status"));
    match report {
        Some(report) => Some(standard(tree, report)),
        None => old_style(tree),
    }
}

fn standard(tree: &Tree<'_>, report: &Part<'_>) -> Bounce {
    let text = String::from_utf8_lossy(&decode::bytes(report, MAX_REPORT)).replace("\r\n", "\n");
    let groups: Vec<Vec<(String, String)>> = text.split("\n\n").map(fields).filter(|group| !group.is_empty()).collect();
    let find = |name: &str| groups.iter().flatten().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let untyped = |value: &str| value.split_once(';').map_or(value, |(_, rest)| rest).trim().to_owned();
    let address = |value: &str| untyped(value).trim_matches(['<', '>']).to_owned();
    let status = find("status").and_then(|status| status.split_whitespace().next()).map(str::to_owned);
    let action = find("action").map(str::to_ascii_lowercase).filter(|action| !action.is_empty());
    Bounce {
        message_id: original_id(tree),
        recipient: find("original-recipient")
            .or_else(|| find("final-recipient"))
            .map(address)
            .filter(|address| !address.is_empty()),
        action: action.unwrap_or_else(|| by_status(status.as_deref()).to_owned()),
        status,
        diagnostic: find("diagnostic-code").map(untyped).filter(|text| !text.is_empty()),
    }
}

fn by_status(status: Option<&str>) -> &'static str {
    match status.and_then(|status| status.chars().next()) {
        Some('2') => "delivered",
        Some('4') => "delayed",
        _ => "failed",
    }
}

/// `Name: value` lines, folded lines joined.
fn fields(group: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for line in group.lines() {
        match (line.starts_with([' ', '\t']), out.last_mut(), line.split_once(':')) {
            (true, Some((_, value)), _) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (false, _, Some((name, value))) => out.push((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
            _ => (),
        }
    }
    out.into_iter().map(|(name, value)| (name, clean::one_line(&value))).collect()
}

/// From the returned mail, or the returned header.
fn original_id(tree: &Tree<'_>) -> Option<String> {
    let inner = tree.parts.iter().skip(1).find_map(|part| part.head.ids("message-id").into_iter().next());
    inner.or_else(|| {
        let headers = tree.parts.iter().find(|part| part.typed.value.ends_with("rfc822-headers"))?;
        let (head, _) = Head::read(&decode::bytes(headers, MAX_REPORT), &mut MAX_REPORT.clone());
        head.ids("message-id").into_iter().next()
    })
}

/// Exim, and mail servers of before RFC 3464: a header names the recipient, the text holds a copy of the mail.
fn old_style(tree: &Tree<'_>) -> Option<Bounce> {
    let head = &tree.root().head;
    let recipient = head.raw("x-failed-recipients");
    let text = String::from_utf8_lossy(&decode::bytes(tree.root(), MAX_REPORT)).into_owned();
    let qmail = text.starts_with("Hi. This is the");
    if recipient.is_none() && !qmail {
        return None;
    }
    let quoted = |line: &str| line.strip_prefix('<').and_then(|rest| rest.strip_suffix(">:")).map(str::to_owned);
    let message_id = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let id = clean::one_line(value);
        (name.eq_ignore_ascii_case("message-id") && id.starts_with('<') && id.ends_with('>')).then_some(id)
    });
    Some(Bounce {
        message_id: message_id.or_else(|| original_id(tree)),
        recipient: recipient
            .and_then(|list| list.split(',').next().map(|first| first.trim().to_owned()))
            .or_else(|| text.lines().find_map(|line| quoted(line.trim_end()))),
        action: if text.contains("has not been delivered yet") || text.contains("still trying") {
            "delayed"
        } else {
            "failed"
        }
        .to_owned(),
        status: None,
        diagnostic: text.lines().map(clean::one_line).find(|line| is_reply(line)),
    })
}

/// Contains an SMTP reply of failure: `550 5.1.1 No such user`.
fn is_reply(line: &str) -> bool {
    line.split(' ')
        .any(|word| word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|b| b.is_ascii_digit()))
}
