//! HTML as a person would read it aloud: no markup, no pictures, no addresses that only a browser needs.

use super::labels::Labels;
use super::tags::{self, HiddenClasses, Role, Tag};
use super::{clean, forms, links, marks};

/// Deepest quote that is marked as such.
const MAX_QUOTE: usize = 8;
/// Open elements that are remembered; deeper ones are read without meaning.
const MAX_OPEN: usize = 256;

/// Elements with letters of no size that are looked into for text of a size of its own.
const MAX_LOOKS: usize = 64;
/// Fewest words of a picture's text that are a sentence rather than a label.
const ALT_WORDS: usize = 3;

/// What is read of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// What a person sees.
    Seen,
    /// The words of all pictures that a person sees, too.
    Pictures,
    /// What is hidden or struck out, too.
    Everything,
}

/// The text of an HTML page: paragraphs apart by blank lines, items with `- ` or their number, cells with ` | `,
/// quotes with `> `. The address of a link follows its text when it is short and says something else. What the page
/// says about its own text outright (here is a signature, here history begins) is kept as [`marks`].
pub fn to_marked_text(html: &str) -> String {
    let seen = Reader::read(html, Reading::Seen, Vec::new());
    if seen.says_words {
        let known = seen.labels.alone(&seen.out);
        return if known.is_empty() { seen.finish() } else { Reader::read(html, Reading::Seen, known).finish() };
    }
    // Pictures are all there is; and a page hidden as a whole is more likely a broken style than a secret.
    for reading in [Reading::Pictures, Reading::Everything] {
        let text = Reader::read(html, reading, Vec::new()).finish();
        if text.chars().any(char::is_alphanumeric) {
            return text;
        }
    }
    seen.finish()
}

/// The same without marks.
pub fn to_text(html: &str) -> String {
    without_marks(&to_marked_text(html))
}

/// What [`to_marked_text`] gave, without marks.
pub fn without_marks(marked: &str) -> String {
    clean::text(&marks::without(marked))
}

#[derive(Default)]
struct Reader {
    out: String,
    /// Text of the current line, without its quote marks.
    line: String,
    /// A space is due before the next word.
    space: bool,
    /// Blank lines due before the next text.
    gap: bool,
    pre: usize,
    /// The paragraph that is open stands without distance to the next.
    tight: bool,
    /// Open quotes and indentations; true for quotes.
    quotes: Vec<bool>,
    links: Vec<(String, usize)>,
    lists: Vec<Option<usize>>,
    /// Quote marks of the line before.
    depth: usize,
    /// Mark of a list item whose text is still to come.
    mark: String,
    /// A cell ended in this row, and the next text is another one's.
    cell: bool,
    /// Words of all pictures are wanted.
    pictures: bool,
    /// Words stand on the page, not only in pictures.
    says_words: bool,
    /// Name of the element that is a signature, and how many of that name are open in it.
    signature: Option<(String, usize)>,
    /// The next line says whose words are quoted below.
    attribution: bool,
    /// What the pictures are called.
    labels: Labels,
}

impl Reader {
    fn read(html: &str, reading: Reading, known: Vec<bool>) -> Self {
        let hidden = HiddenClasses::read(html);
        let mut heeds = reading != Reading::Everything;
        let mut looks = MAX_LOOKS;
        let mut page = Self { pictures: reading != Reading::Seen, labels: Labels::known(known), ..Self::default() };
        let mut rest = html;
        while !rest.is_empty() {
            let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            page.text(text);
            let Some((tag, after)) = Tag::read(after) else {
                page.text(&after[..after.len().min(1)]);
                rest = after.get(1..).unwrap_or("");
                continue;
            };
            rest = after;
            let mut unseen = heeds && !tag.closes && (tag.is_hidden() || tag.is_struck() || hidden.holds(&tag));
            if heeds && !tag.closes && !unseen && tag.is_unreadable() {
                unseen = looks == 0 || !tags::sizes_inside(rest, &tag);
                looks = looks.saturating_sub(1);
            }
            if !tag.closes && (tag.is_silent() || unseen) {
                match tags::after_end(rest, &tag) {
                    _ if tag.is_void() => (),
                    Some(after) => rest = after,
                    // What follows an open script can be nothing but script.
                    None if tag.is_silent() => rest = "",
                    // A box that never closes: rather read too much than lose the mail.
                    None => heeds = false,
                }
                continue;
            }
            if tag.name == "select" && !tag.closes {
                let (chosen, after) = forms::chosen(rest);
                page.space = true;
                page.text(chosen);
                page.space = true;
                rest = after;
                continue;
            }
            page.role(&tag);
            page.tag(&tag);
        }
        page.end_line();
        if page.signature.is_some() {
            page.mark(marks::END);
        }
        page
    }

    /// The text of what was read.
    fn finish(&self) -> String {
        clean::text(&self.out)
    }

    /// Heeds what the element is to the text. Inside of quotes it is somebody else's.
    fn role(&mut self, tag: &Tag<'_>) {
        if let Some((name, depth)) = self.signature.as_mut().filter(|(name, _)| *name == tag.name) {
            match tag.closes {
                true => *depth -= 1,
                false => *depth += 1,
            }
            if *depth == 0 {
                name.clear();
                self.signature = None;
                self.end_line();
                self.mark(marks::END);
            }
        }
        if tag.closes || self.quotes.contains(&true) {
            return;
        }
        match tag.role() {
            Role::Signature if self.signature.is_none() && !tag.is_void() => {
                self.end_line();
                self.mark(marks::SIGNATURE);
                self.signature = Some((tag.name.clone(), 1));
            }
            Role::History => {
                self.end_line();
                self.mark(marks::HISTORY);
            }
            Role::Attribution => {
                self.end_line();
                self.attribution = true;
            }
            _ => (),
        }
    }

    /// Puts a mark on a line of its own.
    fn mark(&mut self, mark: &str) {
        if std::mem::take(&mut self.gap) {
            self.out.push('\n');
        }
        self.out.push_str(mark);
        self.out.push('\n');
    }

    fn text(&mut self, raw: &str) {
        if raw.is_empty() {
            return;
        }
        let decoded = tags::decode_entities(raw);
        if decoded.contains(char::is_alphanumeric) {
            self.says_words = true;
            self.labels.says();
        }
        if self.pre > 0 {
            for (number, line) in decoded.split('\n').enumerate() {
                if number > 0 {
                    self.break_line();
                }
                self.line.push_str(line);
            }
            return;
        }
        for (number, word) in decoded.split(|c: char| c.is_ascii_whitespace() || c == '\u{a0}').enumerate() {
            self.space |= number > 0;
            if !word.is_empty() {
                self.word(word);
            }
        }
    }

    fn word(&mut self, word: &str) {
        if self.line.is_empty() {
            self.line = std::mem::take(&mut self.mark);
        }
        if self.cell && !self.line.is_empty() {
            self.line.push_str(" | ");
        } else if self.space && !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
        (self.cell, self.space) = (false, false);
        self.line.push_str(word);
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        match (tag.name.as_str(), tag.closes) {
            ("br", _) => self.break_line(),
            ("hr", _) => self.paragraph(),
            ("button", _) => self.space = true,
            ("img", false) => self.picture(tag, &["alt", "title"]),
            ("input", false) if forms::is_filled(tag) => self.filled(tag),
            ("area" | "input", false) if self.pictures || forms::is_image(tag) => self.picture(tag, &["alt"]),
            ("a", false) if self.links.len() < MAX_OPEN => {
                self.links.push((tag.attribute("href").unwrap_or_default(), self.line.len()));
            }
            ("a", true) => self.end_link(),
            ("pre", false) => {
                self.paragraph();
                self.pre += 1;
            }
            ("pre", true) => {
                self.pre = self.pre.saturating_sub(1);
                self.paragraph();
            }
            ("td" | "th", closes) => {
                self.labels.cell(closes);
                self.cell = !self.line.is_empty();
            }
            ("ul" | "ol" | "menu", false) => {
                self.end_line();
                if self.lists.len() < MAX_OPEN {
                    self.lists.push((tag.name == "ol").then_some(0));
                }
            }
            ("ul" | "ol" | "menu", true) => {
                self.lists.pop();
                self.mark.clear();
                self.paragraph();
            }
            ("li", false) => self.item(),
            ("blockquote", false) => self.open_quote(tag),
            ("blockquote", true) => self.close_quote(),
            ("p", closes) => self.p(tag, closes),
            (name, _) if tags::is_paragraph(name) => self.paragraph(),
            ("tr", closes) => {
                self.end_line();
                self.labels.row(closes);
            }
            (name, _) if tags::is_block(name) => self.end_line(),
            _ => (),
        }
    }

    /// Outlook writes every line as a paragraph without distance.
    fn p(&mut self, tag: &Tag<'_>, closes: bool) {
        match (closes, self.tight) {
            (false, _) => {
                self.tight = tag.is_tight();
                if self.tight { self.end_line() } else { self.paragraph() }
            }
            (true, true) => {
                self.break_line();
                self.tight = false;
            }
            (true, false) => self.paragraph(),
        }
    }

    /// Some programs indent with the element that others quote with.
    fn open_quote(&mut self, tag: &Tag<'_>) {
        self.paragraph();
        if self.quotes.len() < MAX_OPEN {
            self.quotes.push(!tag.only_indents());
        }
    }

    fn close_quote(&mut self) {
        self.paragraph();
        self.quotes.pop();
    }

    fn item(&mut self) {
        self.end_line();
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{number}.")
            }
            _ => "-".to_owned(),
        };
        self.mark = format!("{mark} ");
    }

    /// The words of a picture; what only shows below the pointer counts when pictures are all there is.
    fn picture(&mut self, tag: &Tag<'_>, sources: &[&str]) {
        let sources = if self.pictures { sources } else { &sources[..1] };
        let alt = sources.iter().filter_map(|name| tag.attribute(name)).find(|words| !words.is_empty());
        let alt = clean::one_line(&alt.unwrap_or_default());
        // Mail programs send emoji as small pictures.
        let is_emoji =
            !alt.is_empty() && alt.chars().count() <= 4 && !alt.chars().any(|c| c.is_ascii() || c.is_alphabetic());
        if is_emoji {
            self.text(&alt);
            return;
        }
        let foreign = self.quotes.contains(&true) || self.signature.is_some();
        let says = self.labels.add(tag, &alt, !self.links.is_empty(), foreign);
        let least = if self.pictures || says || forms::is_image(tag) { 1 } else { ALT_WORDS };
        if tags::is_sentence(&alt, least) && !tag.is_pixel() {
            self.space = true;
            self.word(&format!("[{alt}]"));
            self.space = true;
        }
    }

    /// The words on a button, or in a line of a form.
    fn filled(&mut self, tag: &Tag<'_>) {
        self.space = true;
        self.text(&tag.attribute("value").unwrap_or_default());
        self.space = true;
    }

    fn end_link(&mut self) {
        let Some((href, start)) = self.links.pop() else { return };
        let text = self.line.get(start..).unwrap_or_default().trim().to_owned();
        if let Some(shown) = links::worth_showing(&href, &text) {
            self.space = true;
            self.word(&format!("({shown})"));
        }
    }

    fn break_line(&mut self) {
        if self.line.is_empty() {
            self.gap |= !self.out.is_empty();
        } else {
            self.end_line();
        }
    }

    fn paragraph(&mut self) {
        self.end_line();
        self.gap |= !self.out.is_empty() && self.mark.is_empty();
    }

    fn end_line(&mut self) {
        (self.space, self.cell) = (false, false);
        self.links.iter_mut().for_each(|(_, start)| *start = 0);
        self.labels.end_line();
        let line = std::mem::take(&mut self.line);
        if line.trim().is_empty() {
            return;
        }
        let depth = self.quotes.iter().filter(|quotes| **quotes).count();
        let signs = ">".repeat(depth.min(MAX_QUOTE));
        let outer = std::mem::replace(&mut self.depth, signs.len()).min(signs.len());
        if std::mem::take(&mut self.gap) {
            self.out.push_str(&signs[..outer]);
            self.out.push('\n');
        }
        if std::mem::take(&mut self.attribution) && signs.is_empty() {
            self.out.push(marks::ATTRIBUTION);
        }
        self.out.push_str(&signs);
        if !signs.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_inside_items_and_cells_stay_with_their_marks() {
        assert_eq!(to_text("<ul><li><div>a</div></li><li><p>b</p></li><li></li></ul>c"), "- a\n- b\n\nc");
        assert_eq!(to_text("<ol><li>a<li>b</ol>"), "1. a\n2. b");
        assert_eq!(to_text("<table><tr><td>a</td><td></td><td>b</td></tr><tr><td>c</td></tr></table>"), "a | b\nc");
    }

    #[test]
    fn what_is_hidden_stays_hidden_unless_it_is_all() {
        assert_eq!(to_text("<div style='display: none'>x<div>y</div></div>z"), "z");
        assert_eq!(to_text("<div style='display:none'>x</div>"), "x");
        assert_eq!(to_text("<span style='display:none'>open<br>letter"), "open\nletter");
        assert_eq!(to_text("<td style='font-size:0'><p style='font-size:13px'>x</p></td>z"), "x\n\nz");
        assert_eq!(to_text("<td style='font-size:0'>x</td><p style='font-size:13px'>z</p>"), "z");
        assert_eq!(to_text("<style>td.p{display:none}</style><td class=p>x</td><p class=p>y</p>"), "y");
        assert_eq!(to_text("<style media=print>.p{display:none}</style><p class=p>y</p>"), "y");
        assert_eq!(to_text("<map><area alt='Gale warning'></map>"), "[Gale warning]");
        assert_eq!(to_text("a<script>if (a < b) { '</div>' }</script>b<style>c"), "ab");
    }

    #[test]
    fn quotes_are_marked_and_indents_are_not() {
        assert_eq!(to_text("a<blockquote>b<blockquote>c</blockquote></blockquote>d"), "a\n\n> b\n>\n>> c\n\nd");
        assert_eq!(to_text("<blockquote style='border:none'>a</blockquote>b"), "a\n\nb");
    }
}
