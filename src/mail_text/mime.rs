//! The parts of a mail, found in one pass over its lines, with a bound on everything a stranger could make large.

use super::head::{Head, Typed, line_end};
use super::transfer::Transfer;
use crate::message::CutNote;

/// Header bytes that are read of one mail, all parts together.
const MAX_HEADER: usize = 256 * 1024;
/// Parts that are read of one mail.
const MAX_PARTS: usize = 200;
/// How deep parts may stand in each other; what is deeper counts as one file.
const MAX_DEPTH: usize = 32;
/// Type of parts whose own parts are beyond the limits: they count as one file.
const UNREAD: &str = "application/x-unread";
/// Lines searched for the real boundary when the named one may be wrong.
const GUESS_LINES: usize = 64;

/// What a part is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text or a file.
    Leaf,
    /// It has parts of its own.
    Multipart,
    /// A whole mail inside the mail; its one child.
    Message,
}

/// One part of a mail, the mail itself included.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its header, decoded as far as it is read.
    pub head: Head,
    /// `Content-Type`, with the default filled in.
    pub typed: Typed,
    /// Whether it has parts in it.
    pub kind: Kind,
    /// The bytes between its header and its end, still encoded.
    pub body: &'a [u8],
    /// Indices of the parts inside it.
    pub children: Vec<usize>,
}

/// All parts of a mail; the first is the mail itself.
#[derive(Debug)]
pub struct Tree<'a> {
    /// In the order of the mail; never empty.
    pub parts: Vec<Part<'a>>,
    /// What was too much to read, in words.
    pub notes: Vec<CutNote>,
}

impl<'a> Tree<'a> {
    /// Finds the parts. Never fails: what cannot be understood is text.
    pub fn read(raw: &'a [u8]) -> Self {
        let mut scan = Scan { raw, parts: Vec::new(), open: Vec::new(), budget: MAX_HEADER, full: false };
        let mut pos = scan.start(0, None);
        while pos < raw.len() {
            let end = line_end(raw, pos);
            match scan.delimiter(&raw[pos..end]) {
                Some((level, false)) => {
                    scan.close(level + 1, pos);
                    if scan.parts.len() >= MAX_PARTS || scan.budget == 0 {
                        scan.full = scan.budget > 0;
                        break;
                    }
                    let parent = scan.open[level].part;
                    pos = scan.start(end, Some(parent));
                }
                Some((level, true)) => {
                    scan.close(level, pos);
                    pos = end;
                }
                None => pos = end,
            }
        }
        scan.close(0, pos);
        scan.finish()
    }

    /// Gives the mail itself, the first of its parts.
    pub fn root(&self) -> &Part<'a> {
        &self.parts[0]
    }

    /// The parts directly inside part `index`.
    pub fn children(&self, index: usize) -> impl Iterator<Item = (usize, &Part<'a>)> {
        self.parts[index].children.iter().map(|child| (*child, &self.parts[*child]))
    }
}

struct Open {
    part: usize,
    start: usize,
    /// Empty for a leaf and for a mail inside the mail.
    boundary: Vec<u8>,
}

struct Scan<'a> {
    raw: &'a [u8],
    parts: Vec<Part<'a>>,
    open: Vec<Open>,
    budget: usize,
    full: bool,
}

impl<'a> Scan<'a> {
    /// Reads the head at `pos` and opens the part (and the mail inside it, and so on); gives where its body starts.
    fn start(&mut self, mut pos: usize, mut parent: Option<usize>) -> usize {
        loop {
            let (head, skip) = Head::read(&self.raw[pos..], &mut self.budget);
            pos += skip;
            let mut typed = self.type_of(&head, parent);
            if self.is_at_limit() && typed.value.starts_with("multipart/") {
                UNREAD.clone_into(&mut typed.value);
            }
            let (kind, boundary) = self.kind_of(&head, &typed, pos);
            let part = self.parts.len();
            self.parts.push(Part { head, typed, kind, body: &[], children: Vec::new() });
            if let Some(parent) = parent {
                self.parts[parent].children.push(part);
            }
            self.open.push(Open { part, start: pos, boundary });
            if kind != Kind::Message {
                return pos;
            }
            parent = Some(part);
        }
    }

    fn is_at_limit(&self) -> bool {
        self.open.len() >= MAX_DEPTH || self.parts.len() + 1 >= MAX_PARTS
    }

    fn type_of(&self, head: &Head, parent: Option<usize>) -> Typed {
        let mut typed = head.typed("content-type");
        if !typed.value.contains('/') {
            let digest = parent.is_some_and(|parent| self.parts[parent].typed.value == "multipart/digest");
            let default = if digest { "message/rfc822" } else { "text/plain" };
            default.clone_into(&mut typed.value);
        }
        typed
    }

    fn kind_of(&self, head: &Head, typed: &Typed, body: usize) -> (Kind, Vec<u8>) {
        let leaf = (Kind::Leaf, Vec::new());
        if self.is_at_limit() {
            return leaf;
        }
        if typed.value.starts_with("multipart/") {
            return self.boundary(typed, body).map_or(leaf, |boundary| (Kind::Multipart, boundary));
        }
        let plain = head.transfer() == Transfer::Plain;
        if plain && matches!(typed.value.as_str(), "message/rfc822" | "message/global") {
            return (Kind::Message, Vec::new());
        }
        leaf
    }

    /// The boundary that the body really uses: the named one, unless a part begins first with another.
    fn boundary(&self, typed: &Typed, body: usize) -> Option<Vec<u8>> {
        let named = typed.param("boundary").map(|name| name.trim_end().as_bytes().to_vec()).filter(|b| !b.is_empty());
        let mut pos = body;
        for _ in 0..GUESS_LINES {
            if pos >= self.raw.len() {
                break;
            }
            let end = line_end(self.raw, pos);
            let line = self.raw[pos..end].trim_ascii_end();
            if let Some(found) = line.strip_prefix(b"--").filter(|rest| !rest.is_empty()) {
                let outer = self.open.iter().any(|open| open.boundary == found);
                if outer || named.as_deref() == Some(found) {
                    break;
                }
                if self.raw[end..].get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-")) {
                    return Some(found.to_vec());
                }
            }
            pos = end;
        }
        named
    }

    /// The open multipart whose delimiter the line is, and whether it is the last one.
    fn delimiter(&self, line: &[u8]) -> Option<(usize, bool)> {
        let rest = line.strip_prefix(b"--")?.trim_ascii_end();
        self.open.iter().enumerate().rev().filter(|(_, open)| !open.boundary.is_empty()).find_map(|(level, open)| {
            match rest.strip_prefix(open.boundary.as_slice())? {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        })
    }

    /// Ends all parts from `level` on at `pos`, which stands after their last line feed.
    fn close(&mut self, level: usize, pos: usize) {
        while self.open.len() > level {
            let Some(Open { part, start, .. }) = self.open.pop() else { return };
            let body = &self.raw[start.min(pos)..pos];
            let body = body.strip_suffix(b"\n").unwrap_or(body);
            self.parts[part].body = body.strip_suffix(b"\r").unwrap_or(body);
        }
    }

    fn finish(mut self) -> Tree<'a> {
        let mut notes = Vec::new();
        if self.budget == 0 {
            notes.push(CutNote::Header { read: MAX_HEADER / 1024 });
        }
        if self.full {
            notes.push(CutNote::Parts { read: MAX_PARTS });
        }
        for part in &mut self.parts {
            if part.kind == Kind::Multipart && part.children.is_empty() {
                part.kind = Kind::Leaf;
            }
            // Delimiters nobody announced, or none at all: the best reading is the text as it stands.
            if part.kind == Kind::Leaf && part.typed.value.starts_with("multipart/") {
                "text/plain".clone_into(&mut part.typed.value);
            }
        }
        Tree { parts: self.parts, notes }
    }
}
