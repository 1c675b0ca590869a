//! What is answered or passed on: a message of this box, or any mail in a folder of the one who writes.

use super::{Ask, folders, messages};
use crate::address::Address;
use crate::fault::Fault;
use crate::intake::reading;
use crate::message::Id;
use crate::message::title::references_of_answer;
use crate::store::mailbox::message_id_of;

/// A mail or message that somebody answers or passes on.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// How the form names it: `m12`, or folder and number as `4-17`.
    pub name: String,
    /// Whom an answer goes to; empty when nobody can be answered.
    pub answer_to: String,
    /// What an answer refers to, so that it stays in its thread whatever its subject.
    pub references: Vec<String>,
    from: String,
    subject: String,
    at: String,
    text: String,
}

/// Finds it by its name.
///
/// # Errors
/// Permanent when there is none that the one who asks may see.
pub fn find(ask: &Ask, name: &str) -> Result<Source, Fault> {
    if let Some((folder, uid)) = name.split_once('-') {
        let (folder, entry) = folders::entry(ask, folder, uid)?;
        let raw = ask.app.store.content_bytes(&entry)?;
        let heading = reading::heading(&raw);
        let from = reading::correspondents(&raw, false).into_iter().next().unwrap_or_default();
        let shown = if from.0.is_empty() { from.1.clone() } else { format!("{} <{}>", from.0, from.1) };
        return Ok(Source {
            name: format!("{}-{}", folder.number, entry.uid),
            answer_to: reading::answer_to(&raw).unwrap_or(from.1),
            references: message_id_of(&raw).into_iter().collect(),
            from: shown,
            subject: heading.subject,
            at: ask.times.moment(entry.at()).day,
            text: reading::read(&raw).text(),
        });
    }
    let id: Id = name.parse().map_err(Fault::permanent)?;
    let message = messages::mine(ask, id)?;
    let mail = reading::whole(&ask.app.context, &message)?;
    let answer_to = match &message.from {
        from @ (Address::Mail(_) | Address::Phone(_)) => from.to_string(),
        _ => String::new(),
    };
    Ok(Source {
        name: id.to_string(),
        answer_to,
        references: references_of_answer(&message),
        from: message.sender_shown(),
        subject: message.subject.clone(),
        at: ask.times.moment(message.accepted).day,
        text: mail.map_or_else(|| message.text.clone(), |mail| mail.text()),
    })
}

impl Source {
    /// The subject of an answer.
    pub fn answer_subject(&self) -> String {
        prefixed("Re:", &self.subject)
    }

    /// The subject when it is passed on.
    pub fn forward_subject(&self) -> String {
        prefixed("Fwd:", &self.subject)
    }

    /// Its text as a quotation, with who wrote it when.
    pub fn quoted(&self) -> String {
        let lines = self.text.trim().lines().map(|line| match line.starts_with('>') {
            true => format!(">{line}"),
            false => format!("> {line}").trim_end().to_owned(),
        });
        format!("{}, {}:\n{}\n", self.from, self.at, lines.collect::<Vec<_>>().join("\n"))
    }

    /// The text of a message that passes it on.
    pub fn forwarded(&self) -> String {
        format!(
            "\n\nFrom: {}\nDate: {}\nSubject: {}\n\n{}\n",
            self.from,
            self.at,
            self.subject.trim(),
            self.text.trim()
        )
    }
}

fn prefixed(mark: &str, subject: &str) -> String {
    let subject = subject.trim();
    let has = subject.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    if has { subject.to_owned() } else { format!("{mark} {subject}").trim_end().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_say_who_wrote_and_subjects_are_marked_once() {
        let source = Source {
            from: "Mum <mum@x.org>".into(),
            subject: "re: Tide".into(),
            at: "Sun 29 Nov, 10:00".into(),
            text: "High water\n\n> when?\n".into(),
            ..Source::default()
        };
        assert_eq!(source.quoted(), "Mum <mum@x.org>, Sun 29 Nov, 10:00:\n> High water\n>\n>> when?\n");
        assert_eq!(
            (source.answer_subject().as_str(), source.forward_subject().as_str()),
            ("re: Tide", "Fwd: re: Tide")
        );
        assert_eq!(Source::default().answer_subject(), "Re:");
        assert!(source.forwarded().ends_with("Subject: re: Tide\n\nHigh water\n\n> when?\n"));
    }
}
