use super::*;
use crate::coding::classic::decode;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 22] = [
            "a",
            "ship ",
            "to ",
            "the\n",
            "harbour",
            "é",
            "e\u{301}",
            "漢",
            "字",
            "、",
            "\u{3000}",
            "👩‍👩‍👧",
            "👍🏽",
            "🇵🇹",
            "\r\n",
            "☃",
            "(1/2 k7qf) ",
            "https://example.org/a/very/long/address/without/blanks/in/it",
            "न",
            "\u{94d}",
            ")",
            "\t",
        ];
        let most = [5, 60, 400, 3000][self.below(4)];
        let kinds = 1 + self.below(PIECES.len());
        let first = self.below(PIECES.len());
        let mut text = String::new();
        for _ in 0..self.below(most) {
            text.push_str(PIECES[(first + self.below(kinds)) % PIECES.len()]);
        }
        text
    }
}

fn texts(payloads: &[Vec<u8>]) -> Vec<String> {
    payloads.iter().map(|payload| decode(payload).unwrap().messages.remove(0).text).collect()
}

fn joined_again(to: &str, texts: &[String]) -> Option<String> {
    match texts {
        [one] if parse(one).is_none() => Some(one.clone()),
        _ => join(to, &texts.iter().map(|text| parse(text)).collect::<Option<Vec<_>>>()?),
    }
}

#[test]
fn what_was_split_joins_to_the_exact_text() {
    let mut random = Random(7);
    let mut long = 0;
    for _ in 0..3000 {
        let text = random.text();
        let to = "x".repeat(3 + random.below(60));
        let max = 120 + random.below(250);
        let payloads = match split(&text, &to, true, Protocol::Email, max) {
            Ok(payloads) => payloads,
            Err(why) => {
                assert!(matches!(why, SplitError::TooLong { most: 99, .. }), "{why}");
                continue;
            }
        };
        assert!(payloads.iter().all(|payload| !payload.is_empty() && payload.len() <= max));
        let mut texts = texts(&payloads);
        long += usize::from(texts.len() > 9);
        // Parts come in any order, and twice.
        texts.push(texts[0].clone());
        texts.rotate_left(random.below(payloads.len()));
        if payloads.len() == 1 {
            texts.truncate(1);
        }
        assert_eq!(joined_again(&to, &texts).as_ref(), Some(&text));
    }
    assert!(long > 100, "only {long} long ones");
}

#[test]
fn parts_are_at_least_half_full() {
    let mut random = Random(11);
    for _ in 0..2000 {
        let text = random.text();
        let Ok(payloads) = split(&text, "anna@example.com", false, Protocol::Email, 192) else { continue };
        let texts = texts(&payloads);
        for text in texts.iter().rev().skip(1) {
            let mark = text.len() - parse(text).unwrap().rest.len();
            assert!(parse(text).unwrap().rest.len() >= (room(mark, 16, 192)).div_ceil(2) - 3, "{text:?}");
        }
    }
}

#[test]
fn a_text_is_cut_where_a_reader_would_cut_it() {
    assert_eq!(cut("the ship comes", 10), 9);
    assert_eq!(cut("the ship", 8), 8);
    assert_eq!(cut("a harbourmasterhouse", 10), 10);
    assert_eq!(cut("漢字漢字漢字", 10), 9);
    assert_eq!(cut("abcdefe\u{301}x", 8), 6);
    assert_eq!(cut("ab🇵🇹🇪🇸🇫🇷x", 16), 10);
    assert_eq!(cut("abcdefgh👩\u{200d}👧!", 16), 8);
    // A heap of accents longer than half a part is cut somewhere, but never inside a character.
    assert_eq!(cut(&format!("e{}", "\u{301}".repeat(40)), 20), 19);
}

#[test]
fn long_texts_carry_marks_in_order() {
    let text = "The harbour master says that the ship comes at noon. ".repeat(12);
    let texts = texts(&split(&text, "anna@example.com", true, Protocol::Email, 192).unwrap());
    assert_eq!(texts.len(), 5);
    for (at, text) in texts.iter().enumerate() {
        let mark = parse(text).unwrap();
        assert_eq!((usize::from(mark.number), mark.total), (at + 1, 5));
        assert!(mark.rest.ends_with(' '), "{text:?}");
    }
}

#[test]
fn only_true_marks_are_marks() {
    let mark = parse("(2/12 k7qf) ho").unwrap();
    assert_eq!(mark, PartMark { number: 2, total: 12, tag: "k7qf", rest: "ho" });
    for text in [
        "",
        "(",
        "(1/2 k7qf)",
        "(1/2 k7qf) ",
        "(1/2 k7qf)x",
        " (1/2 k7qf) x",
        "(0/2 k7qf) x",
        "(3/2 k7qf) x",
        "(01/2 k7qf) x",
        "(1/100 k7qf) x",
        "(1/2 k7q) x",
        "(1/2 K7QF) x",
        "(1/2 k7ql) x",
        "(1/2  k7qf) x",
        "(+1/2 k7qf) x",
        "(1/2/3 k7qf) x",
        "(½ k7qf) x",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_text_that_looks_like_a_part_is_wrapped() {
    let text = "(1/2 k7qf) not a part";
    let texts = texts(&split(text, "a@x.org", true, Protocol::Email, 192).unwrap());
    assert!(texts[0].starts_with("(1/1 "), "{texts:?}");
    assert_eq!(joined_again("a@x.org", &texts).as_deref(), Some(text));
}

#[test]
fn parts_of_different_messages_do_not_mix() {
    let texts = |text: &str| texts(&split(text, "a@x.org", true, Protocol::Email, 192).unwrap());
    let (one, two) = (texts(&"one ".repeat(60)), texts(&"two ".repeat(60)));
    assert_eq!(joined_again("a@x.org", &[one[0].clone(), two[1].clone()]), None);
    assert_eq!(joined_again("a@x.org", &one[..1]), None);
    assert_eq!(joined_again("b@x.org", &one), None, "the tag covers the address");
    assert_eq!(join("a@x.org", &[]), None);
    assert_ne!(tag("a", "t"), tag("", "at"));
}

#[test]
fn what_cannot_be_sent_is_refused_in_words() {
    let why = split(&"x".repeat(200), &"o".repeat(180), true, Protocol::Email, 192).unwrap_err();
    assert!(matches!(why, SplitError::NoRoom { .. }), "{why}");
    let why = split(&"x".repeat(20_000), "a@x.org", true, Protocol::Email, 192).unwrap_err();
    assert!(matches!(why, SplitError::TooLong { most: 99, .. }), "{why}");
    assert!(split("x", &"o".repeat(300), true, Protocol::Email, 192).is_err());
    assert!(split("x", "a@x.org", true, Protocol::Email, 0).is_err());
    assert_eq!(split("", "a@x.org", true, Protocol::Email, 192).unwrap().len(), 1);
}

#[test]
fn no_text_makes_the_mark_reader_panic() {
    let mut random = Random(3);
    for _ in 0..100_000 {
        let mut text: Vec<char> = "(12/34 k7qf) é".chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len());
            text[at] = ['(', ')', '/', ' ', '0', '9', 'k', 'é', '字'][random.below(9)];
        }
        let text: String = text.into_iter().collect();
        if let Some(mark) = parse(&text) {
            assert_eq!(format!("({}/{} {}) {}", mark.number, mark.total, mark.tag, mark.rest), text);
        }
    }
}
