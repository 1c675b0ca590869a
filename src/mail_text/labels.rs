//! Labels of pictures: which of them say something.
//!
//! One that stands among words is one of them. Where a page says little else a painted button says something, which is a link
//! or stands in a cell, below some words; and so does one in a row of a table of a single line. A picture in a cell of its
//! own beside words of several lines is a logo, and so is one above all words.

use super::tags::{self, Tag};

/// Most words of a page that says little beside its pictures.
const LITTLE: usize = 60;
/// Most pictures whose labels are asked for.
const MAX_LABELS: usize = 64;

/// A picture with a label, and where it stands on the page.
#[derive(Debug, Clone, Copy, Default)]
struct Label {
    /// It is a link, a button or the content of a cell.
    placed: bool,
    /// Words stand on its line, in its cell.
    inline: bool,
    /// Words stand on its line.
    beside: bool,
    /// Words stand in its cell, above or below it.
    in_text: bool,
    /// Lines with words in its row of a table.
    row: usize,
}

impl Label {
    fn says(&self) -> bool {
        let logo = !self.in_text && self.row > usize::from(self.beside);
        self.inline || (self.placed || self.beside) && !logo
    }
}

/// A part of a page: its first label, and whether words stand in it.
#[derive(Debug, Default)]
struct Span {
    first: usize,
    says: bool,
    lines: usize,
}

/// The labels of a page, in their order.
#[derive(Debug, Default)]
pub struct Labels {
    all: Vec<Label>,
    line: Span,
    /// The part of a line that is in one cell.
    piece: Span,
    cell: Span,
    row: Span,
    /// How many cells are open at this point.
    cells: usize,
    /// Words have been read.
    begun: bool,
    /// What an earlier reading of the same page found: true for labels that say something.
    known: Vec<bool>,
}

impl Labels {
    /// Those of a page that was read before: `known` is what [`Self::alone`] said.
    pub fn known(known: Vec<bool>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Which of them say something; empty when none does, or when the page with this `text` says enough without.
    pub fn alone(&self, text: &str) -> Vec<bool> {
        let alone: Vec<bool> = self.all.iter().map(Label::says).collect();
        let little = alone.contains(&true) && text.split_whitespace().count() <= LITTLE;
        if little { alone } else { Vec::new() }
    }

    /// Remembers the picture `tag` with its label; true when it says something. `linked` when it is a link, `foreign` in a
    /// quote or a signature.
    pub fn add(&mut self, tag: &Tag<'_>, label: &str, linked: bool, foreign: bool) -> bool {
        if foreign || self.all.len() >= MAX_LABELS || !tags::is_sentence(label, 1) || tag.is_icon() {
            return false;
        }
        let placed = self.begun && (linked || self.cells > 0 || tag.name == "input");
        self.all.push(Label { placed, ..Label::default() });
        self.piece.says || self.known.get(self.all.len() - 1) == Some(&true)
    }

    /// Notes that words were read: where they stand is no list of pictures.
    pub fn says(&mut self) {
        [&mut self.line, &mut self.piece, &mut self.cell].into_iter().for_each(|span| span.says = true);
        self.begun = true;
    }

    /// Notes that a line ends.
    pub fn end_line(&mut self) {
        self.end_piece();
        let span = self.ended(|labels| &mut labels.line);
        if span.says {
            self.row.lines += 1;
            self.all[span.first..].iter_mut().for_each(|label| label.beside = true);
        }
    }

    fn end_piece(&mut self) {
        let span = self.ended(|labels| &mut labels.piece);
        if span.says {
            self.all[span.first..].iter_mut().for_each(|label| label.inline = true);
        }
    }

    /// A cell begins or ends.
    pub fn cell(&mut self, closes: bool) {
        self.end_piece();
        self.cells = if closes { self.cells.saturating_sub(1) } else { self.cells + 1 };
        let span = self.ended(|labels| &mut labels.cell);
        if span.says {
            self.all[span.first..].iter_mut().for_each(|label| label.in_text = true);
        }
    }

    /// A row begins or ends.
    pub fn row(&mut self, closes: bool) {
        let span = self.ended(|labels| &mut labels.row);
        if closes {
            self.all[span.first..].iter_mut().for_each(|label| label.row = span.lines);
        }
    }

    fn ended(&mut self, of: fn(&mut Self) -> &mut Span) -> Span {
        let first = self.all.len();
        std::mem::replace(of(self), Span { first, ..Span::default() })
    }
}
