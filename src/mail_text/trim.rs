//! Cuts a text down to what its writer wanted to say.

use super::context::Context;
use super::cuts::{Confidence, Cut, Cuts, Rule};
use super::history::{self, Split};
use super::{artifacts, attribution, blocks, clean, footers, marks, notices, quotes, shapes, signature};

/// Forwards inside forwards that are read as such.
const MAX_FORWARDS: usize = 3;
/// Longest run of one drawing character.
const MAX_RULE: usize = 3;
/// Most things that are cut off one end, one after the other.
const MAX_ROUNDS: usize = 20;

/// A text before and after.
#[derive(Debug, Clone, Default)]
pub struct Trimmed {
    /// The text without what was cut.
    pub text: String,
    /// What goes on air if nothing but this was said: the text without the marks of programs.
    pub whole: String,
    /// What went, and what nearly went.
    pub cuts: Vec<Cut>,
}

impl Trimmed {
    /// Makes the result of a text in which nothing was cut.
    pub fn untouched(text: &str) -> Self {
        Self { text: text.to_owned(), whole: text.to_owned(), cuts: Vec::new() }
    }

    /// Nothing that says anything is left.
    pub fn is_empty(&self) -> bool {
        let lines: Vec<&str> = self.text.lines().collect();
        shapes::says_nothing(&lines) && !shapes::says_nothing(&self.whole.lines().collect::<Vec<_>>())
    }
}

/// Trims a clean text (see [`super::clean::text`]) that may hold [`marks`].
pub fn trim(text: &str, context: &Context) -> Trimmed {
    let text = clean::text(&artifacts::clean(text));
    let lines: Vec<String> = text.lines().flat_map(|line| plain(line, context)).collect();
    let lines = attribution::set_apart(lines, context);
    let mut cuts = Cuts::default();
    let whole = clean::text(&marks::without(&text));
    if context.follows && footers::is_part(&lines) {
        cuts.add(Rule::Footer, Confidence::Sure, &lines);
        return Trimmed { text: String::new(), whole: rules(&whole), cuts: cuts.0 };
    }
    let out = message(lines, context, 0, &mut cuts);
    Trimmed { text: rules(&clean::text(&marks::without(&out))), whole: rules(&whole), cuts: cuts.0 }
}

/// A line as most programs write it: nearly always as it is.
fn plain(line: &str, context: &Context) -> Vec<String> {
    let unfolded = blocks::unfold(line);
    let marked = || quotes::without_initials(line, context).filter(|_| context.is_answer);
    let plain = unfolded.or_else(marked).unwrap_or_else(|| line.to_owned());
    plain.split('\n').map(str::to_owned).collect()
}

fn message(mut lines: Vec<String>, context: &Context, depth: usize, cuts: &mut Cuts) -> String {
    signature::cut_marked(&mut lines, context, cuts);
    notices::cut_first(&mut lines, cuts);
    let mut found = split(&lines, context);
    for _ in 0..MAX_FORWARDS {
        let Split::Quoted(at, from) = found else { break };
        cuts.add(Rule::History, Confidence::Sure, &lines[at..from]);
        lines.splice(at..from, [String::new(), format!("{}:", marks::ATTRIBUTION)]);
        found = split(&lines, context);
    }
    let all: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (end, other) = match found {
        // Nothing says where the answers are: not one line below is a program's for sure.
        Split::Answered(at, from, header) => {
            cuts.add(Rule::History, Confidence::Likely, &all[at..from]);
            let mut own: Vec<String> = all[..at].iter().map(|line| (*line).to_owned()).collect();
            cut_own(&mut own, cuts);
            let text = format!("{}\n\n{header}\n{}", own.join("\n").trim_end(), all[from..].join("\n").trim_start());
            return clean::text(&text);
        }
        Split::Own | Split::Quoted(..) => (all.len(), None),
        Split::History(at, confidence) => {
            let gone: Vec<&str> = all[at..].iter().copied().filter(|line| !line.starts_with(marks::is_mark)).collect();
            cuts.add(Rule::History, confidence, &gone);
            (at, None)
        }
        Split::Other(at, from, header) => (at, Some((from, header))),
    };
    let mut own: Vec<String> = all[..end].iter().map(|line| (*line).to_owned()).collect();
    cut_own(&mut own, cuts);
    let mut own = quotes::cut(&own.iter().map(String::as_str).collect::<Vec<_>>(), context, cuts);
    // What stood between the words and the quotes.
    signature::cut_delimited(&mut own, cuts);
    cut_ends(&mut own, cuts);
    signature::doubt_added(&own, cuts);
    let mut out = own.join("\n");
    if let Some((from, header)) = other {
        let body: Vec<String> = quotes::unquote(&all[from..]).into_iter().skip_while(String::is_empty).collect();
        let deeper = depth < MAX_FORWARDS;
        let body = if deeper { message(body, &context.inner(), depth + 1, cuts) } else { body.join("\n") };
        out = format!("{}\n\n{header}\n{body}", out.trim_end());
    }
    clean::text(&out)
}

fn split(lines: &[String], context: &Context) -> Split {
    history::split(&lines.iter().map(String::as_str).collect::<Vec<_>>(), context)
}

/// Cuts what stands below the writer's words.
fn cut_own(own: &mut Vec<String>, cuts: &mut Cuts) {
    cut_ends(own, cuts);
    signature::cut_delimited(own, cuts);
    cut_ends(own, cuts);
}

/// Cuts what programs added at the end, as long as there is some.
fn cut_ends(lines: &mut Vec<String>, cuts: &mut Cuts) {
    for _ in 0..MAX_ROUNDS {
        notices::cut_blank(lines);
        // The line first: whether a paragraph is a notice takes far longer to say.
        if !signature::cut_added(lines, cuts) && !notices::cut_last(lines, cuts) {
            break;
        }
    }
}

/// Shortens lines that are drawn with one character.
fn rules(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut last, mut run) = ('\n', 0);
    for c in text.chars() {
        run = if c == last { run + 1 } else { 1 };
        last = c;
        if run <= MAX_RULE || !"-_=*~#.─━═".contains(c) {
            out.push(c);
        }
    }
    out
}
