//! What the header tells about the text: whether it answers or forwards, who writes it, and to whom.

use super::head::Head;
use super::shapes;
use super::subject::Subject;

/// Shortest word of a name that is compared.
const MIN_NAME: usize = 2;
/// Address fields' bytes that are looked at.
const MAX_FIELD: usize = 4096;

/// The facts that the rules ask for.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Texts are cut down to what their writer wanted to say.
    pub trims: bool,
    /// Another text of the same mail stands above this one.
    pub follows: bool,
    /// The mail answers another: its subject or its header says so.
    pub is_answer: bool,
    /// The subject says that it forwards.
    pub is_forward: bool,
    /// Words of the writer's name, in lower case.
    pub writer: Vec<String>,
    /// The writer's own addresses, in lower case.
    pub own: Vec<String>,
    /// Words of the names and local parts of those whom it goes to, in lower case.
    pub others: Vec<String>,
    /// Words of the names of those whom it goes to, the writer's among them or not, in lower case.
    pub receivers: Vec<String>,
    /// The subject without marks, in lower case.
    pub topic: String,
}

impl Context {
    /// Reads what the header says of the writer and the thread.
    pub fn new(head: &Head, subject: &Subject, trims: bool) -> Self {
        let answers = ["in-reply-to", "references"].iter().any(|name| !head.ids(name).is_empty());
        let writer = ["from", "reply-to"].iter().flat_map(|name| names(head, name)).collect::<Vec<_>>();
        let own = ["from", "reply-to"].iter().filter_map(|name| head.mailbox(name)?.1);
        let receivers = ["to", "cc"].iter().flat_map(|name| names(head, name)).collect::<Vec<_>>();
        Self {
            trims,
            follows: false,
            is_answer: !subject.is_forward && (subject.is_answer || answers),
            is_forward: subject.is_forward,
            others: receivers.iter().filter(|word| !writer.contains(word)).cloned().collect(),
            receivers,
            writer,
            own: own.map(|address| address.to_lowercase()).collect(),
            topic: subject.topic.clone(),
        }
    }

    /// The same for a mail inside the mail, or a forwarded text: it answers whatever it says, and others wrote it.
    pub fn inner(&self) -> Self {
        Self {
            follows: false,
            is_answer: false,
            is_forward: false,
            writer: Vec::new(),
            own: Vec::new(),
            others: Vec::new(),
            receivers: Vec::new(),
            topic: String::new(),
            ..*self
        }
    }
}

/// Words of display names and local parts; hosts say nothing.
fn names(head: &Head, field: &str) -> Vec<String> {
    let value = head.text(field).unwrap_or_default();
    let value = &value[..value.floor_char_boundary(MAX_FIELD)];
    let locals = value.split_whitespace().map(|word| word.split('@').next().unwrap_or_default());
    let words = locals.flat_map(|word| shapes::words(word).collect::<Vec<_>>());
    words.filter(|word| word.chars().count() >= MIN_NAME).collect()
}
