//! The corpus in `tests/mail`, what strangers could do to it, and the cases that need no file.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;

mod cases;
mod cutting;
mod mutations;

const TRIM: Options = Options { trim: true };
const WHOLE: Options = Options { trim: false };

/// Mails with what is to be read of them beside: the corpus.
fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// What the `.txt` beside a mail says: facts as `# name: value` lines, then the text.
fn told(shaped: &Shaped) -> String {
    let mut out = String::new();
    if let Some(why) = &shaped.automatic {
        out += &format!("# automatic: {why}\n");
    }
    if let Some(bounce) = &shaped.bounce {
        let word = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let Bounce { message_id, recipient, action, status, diagnostic } = bounce;
        let ids = format!("{} {} {}", word(message_id), word(recipient), word(status));
        out += &format!("# bounce: {action} {ids} {}\n", word(diagnostic));
    }
    for note in &shaped.cut {
        out += &format!("# cut: {note}\n");
    }
    out + &on_air(shaped) + "\n"
}

/// What goes on air: subject, line feed, text.
fn on_air(shaped: &Shaped) -> String {
    let both = [shaped.subject.as_str(), shaped.text.as_str()];
    both.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn check(shaped: &Shaped) {
    for text in [&shaped.text, &shaped.full] {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        assert!(!text.ends_with('\n') && !text.contains("\n\n\n") && text.len() <= output::MAX_TEXT + 3000);
    }
    assert!(!on_air(shaped).is_empty());
    let (cut, automatic) =
        (shaped.cut.iter().map(ToString::to_string), shaped.automatic.iter().map(ToString::to_string));
    let lines = [shaped.subject.clone()].into_iter().chain(cut).chain(automatic);
    for line in lines.chain(shaped.message_id.clone()).chain(shaped.in_reply_to.clone()) {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn the_corpus_reads_as_a_person_would_want_it() {
    let mut wrong = Vec::new();
    let mails = corpus();
    assert!(mails.len() >= 150, "{} mails", mails.len());
    for (path, raw) in mails {
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        let shaped = shape(&raw, &TRIM);
        check(&shaped);
        check(&shape(&raw, &WHOLE));
        if told(&shaped) != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- is\n{}", path.display(), told(&shaped)));
        }
    }
    assert!(wrong.is_empty(), "{} mails read otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_markup_and_no_python_on_air() {
    for (path, raw) in corpus() {
        let text = on_air(&shape(&raw, &WHOLE));
        for mark in ["<div", "<p", "</", "&nbsp;", "b'", "None\n", "style=", "mso-"] {
            assert!(!text.contains(mark), "{}: {mark} in {text}", path.display());
        }
    }
}

#[test]
fn the_whole_text_stays_on_the_box() {
    let raw = b"Subject: Re: x\n\nYes.\n\n-- \nAnna\n\nOn 2 May 2024, Boat <b@x.org> wrote:\n> Sure?\n";
    let trimmed = shape(raw, &TRIM);
    assert_eq!(on_air(&trimmed), "Re: x\nYes.");
    assert_eq!(trimmed.full, "Yes.\n\n--\nAnna\n\nOn 2 May 2024, Boat <b@x.org> wrote:\n> Sure?");
    let whole = shape(raw, &WHOLE);
    assert_eq!(on_air(&whole), format!("Re: x\n{}", trimmed.full));
    assert!(whole.cut.is_empty());
}

#[test]
fn a_message_is_not_mistaken_for_what_programs_write() {
    for letter in [
        "Booked:\n\nFrom: Oslo\nTo: Bergen\nDate: 3 May\nSeat: 12A",
        "On 3 May 2024 at 10:00 the captain wrote:\n\nWind rising, all hands on deck.",
        "Hi,\n\nWe received this morning the virus tests, the distribution of the kits starts at noon in the hall.",
        "It left yesterday.\n\nSent with the ferry at noon",
        "First\n\n--\n\nSecond\n\n--\n\nThird",
        "The message original is on the desk:\nread it",
    ] {
        let shaped = shape(letter.as_bytes(), &TRIM);
        assert!(shaped.cut.is_empty(), "{letter}: {:?}", shaped.cut);
        assert_eq!(on_air(&shaped).lines().count(), letter.lines().count(), "{letter}");
    }
}

#[test]
fn ids_and_names() {
    let raw = "From: =?utf-8?q?J=C3=B6rg?= <j@x.org>\r\nMessage-Id: <1@x>\r\nIn-Reply-To: <c@x>\r\n\
               References: <a@x>\r\n <b@x> <c@x>\r\nSubject: =?utf-8?q?a=0D=0ABcc:_x@y.z?=\r\n\r\nhi\r\n";
    let shaped = shape(raw.as_bytes(), &TRIM);
    assert_eq!(shaped.from.as_ref().and_then(|from| from.name.as_deref()), Some("Jörg"));
    assert_eq!(shaped.message_id.as_deref(), Some("<1@x>"));
    assert_eq!(shaped.in_reply_to, ["<c@x>", "<b@x>", "<a@x>"]);
    assert_eq!(shaped.subject, "a Bcc: x@y.z");
    assert_eq!(shaped.automatic, None);
    let loud = shape(b"Auto-Submitted: no\nPrecedence: normal\nSubject: x\n\nhi", &TRIM);
    assert_eq!(loud.automatic, None);
}

/// What takes longer than this, unoptimised and on a busy machine, grows faster than its input: these inputs take
/// seconds where time grows with length, and hours where it grows with its square.
const LIMIT: Duration = Duration::from_secs(60);

fn in_time(name: &str, raw: &[u8]) -> Shaped {
    let start = Instant::now();
    let shaped = shape(raw, &TRIM);
    let took = start.elapsed();
    assert!(took < LIMIT, "{name}: {took:?}");
    check(&shaped);
    shaped
}

#[test]
fn ten_thousand_parts_and_five_thousand_levels() {
    let mut raw = b"Subject: Many\nContent-Type: multipart/mixed; boundary=b\n\n".to_vec();
    for number in 0..10_000 {
        raw.extend(format!("--b\nContent-Type: text/plain\n\npart {number}\n").bytes());
    }
    let shaped = in_time("parts", &raw);
    assert!(shaped.text.contains("part 150") && !shaped.text.contains("part 250"));
    assert!(shaped.cut.iter().any(|note| note.to_string().contains("more than 200 parts")));

    let mut raw = b"Subject: Deep\n".to_vec();
    for number in 0..5_000 {
        raw.extend(format!("Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n").bytes());
    }
    assert!(on_air(&in_time("levels", &raw)).starts_with("Deep\n[not sent: file "));
    in_time("mails", &b"Content-Type: message/rfc822\n\n".repeat(5_000));
}

#[test]
fn huge_headers_and_bodies() {
    let mut raw = b"Subject: Big header\n".to_vec();
    raw.extend(b"X-Filler: 0123456789012345678901234567890123456789\n".repeat(120_000));
    raw.extend(b"\nThe text.\n");
    let shaped = in_time("header", &raw);
    assert_eq!(on_air(&shaped), "Big header\nThe text.");
    assert!(shaped.cut.iter().any(|note| note.to_string().contains("header is longer")));

    // What comes after more header than is read cannot be told from text, and is no text.
    let filler = "X-Filler: 0123456789012345678901234567890123456789\n".repeat(6_000);
    let raw = format!(
        "Subject: Parts\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nThe text.\n\
         --b\nContent-Type: image/png\n{filler}\nAAAA\n--b\nContent-Type: image/png\n\nAAAA\n--b--\n"
    );
    assert_eq!(on_air(&in_time("part header", raw.as_bytes())), "Parts\nThe text.\n[not sent: picture (png) 4 B]");

    let mut raw = b"Subject: Long\n\n".to_vec();
    raw.extend(b"All work and no play makes Jack a dull boy.\n".repeat(700_000));
    let shaped = in_time("body", &raw);
    assert!(shaped.text.len() <= output::MAX_TEXT + 10);
    assert!(shaped.cut.iter().any(|note| note.to_string().contains("30.7 MB")), "{:?}", shaped.cut);

    let mut raw =
        b"Subject: File\nContent-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n".to_vec();
    raw.extend([b'A'; 76].into_iter().chain(*b"\r\n").collect::<Vec<_>>().repeat(390_000));
    assert_eq!(on_air(&in_time("file", &raw)), "File\n[not sent: a.zip 22.2 MB]");
    in_time("line", &vec![b'x'; 10_000_000]);
}

#[test]
fn what_is_meant_to_take_long_does_not() {
    let html = |piece: &str, count: usize| {
        let mut raw = b"Subject: x\nContent-Type: text/html\n\n".to_vec();
        raw.extend(piece.repeat(count).bytes());
        raw
    };
    for piece in
        ["<div style='display:none'>", "<blockquote>", "<a href=\"x", "<", "<x='>", "&", "<ul><li>", "<!--", "<pre>\n"]
    {
        in_time(piece, &html(piece, 100_000 / piece.len()));
    }
    for piece in [
        "On 3 May 2024 10:00, a@b.c wrote:\ny\n",
        "From: x\n",
        "From: a\n\n",
        "> q\nx\n",
        "Begin forwarded message:\n",
        "--\n",
        "-----BEGIN PGP MESSAGE-----\n",
        "\nconfidential intended recipient",
        "Sent from my phone\n",
        "Date: x\njunk\n",
    ] {
        let raw = format!("Subject: x\n\nx\n{}", piece.repeat(100_000 / piece.len()));
        in_time(piece, raw.as_bytes());
        in_time(piece, piece.repeat(100_000 / piece.len()).as_bytes());
    }
    // The name of a file in a text may be as long as the text.
    let name = "long name ".repeat(40_000);
    let shaped =
        in_time("name", format!("Subject: x\n\nAll is well.\n=ybegin line=128 size=9 name={name}\n").as_bytes());
    assert_eq!(shaped.text, "All is well.\n[not sent: ...ng name long name long name long name 9 B]");
    // A page of one line beside the text that is read.
    for piece in ["(", "&lt;", "[", "(&lt;["] {
        let page =
            format!("<div>All is well.</div><div id=Signature>Bob</div>{}", piece.repeat(1_000_000 / piece.len()));
        let raw = format!(
            "From: Bob <bob@world.example>\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nAll is well.\n\nBob\n\
             --b\nContent-Type: text/html\n\n{page}\n--b--\n"
        );
        assert_eq!(in_time(piece, raw.as_bytes()).text, "All is well.", "{piece}");
    }
}
