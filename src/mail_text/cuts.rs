//! What was cut out of a text, by which rule, and how sure the rule is. Data; words are made where they are shown.

use crate::message::cut::CutNote;
pub use crate::message::cut::CutRule as Rule;

/// How sure a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It looks like one, but the writer may have meant it: it stays, and its cost is told.
    Unsure,
    /// Its place and its form say so.
    Likely,
    /// A program said so, or its whole line is known.
    Sure,
}

/// Something that was cut, or that was nearly cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The rule by which it was found.
    pub rule: Rule,
    /// How sure that is; what is [`Confidence::Unsure`] still stands in the text.
    pub confidence: Confidence,
    /// Lines with words on them.
    pub lines: usize,
    /// Bytes of all these lines.
    pub bytes: usize,
}

impl Cut {
    /// For the reader of the page.
    pub fn note(&self) -> CutNote {
        let Self { rule, lines, bytes, .. } = *self;
        match self.confidence {
            Confidence::Unsure => CutNote::Kept { rule, lines, bytes },
            Confidence::Likely => CutNote::Lines { rule, lines, likely: true },
            Confidence::Sure => CutNote::Lines { rule, lines, likely: false },
        }
    }
}

/// Cuts, those of one rule together.
#[derive(Debug, Clone, Default)]
pub struct Cuts(pub Vec<Cut>);

impl Cuts {
    /// Adds lines that went by a rule (or stay, if it is unsure).
    pub fn add<S: AsRef<str>>(&mut self, rule: Rule, confidence: Confidence, lines: &[S]) {
        let filled = || lines.iter().map(AsRef::as_ref).filter(|line: &&str| !line.is_empty());
        let (count, bytes) = (filled().count(), filled().map(|line| line.len() + 1).sum());
        if count == 0 {
            return;
        }
        self.join(&Cut { rule, confidence, lines: count, bytes });
    }

    /// Adds what another text of the same mail lost.
    pub fn join(&mut self, other: &Cut) {
        let unsure = other.confidence == Confidence::Unsure;
        let same = |cut: &&mut Cut| cut.rule == other.rule && (cut.confidence == Confidence::Unsure) == unsure;
        match self.0.iter_mut().find(same) {
            Some(cut) => {
                cut.lines += other.lines;
                cut.bytes += other.bytes;
                cut.confidence = cut.confidence.min(other.confidence);
            }
            None => self.0.push(other.clone()),
        }
    }
}
