use mail_parser::{MessageParser, MimeHeaders};

use super::*;

fn converted(mail: &str) -> String {
    let mail = crate::deliver::compose::crlf(mail.as_bytes());
    let out = fitted(&mail, false, false).unwrap().unwrap();
    assert!(out.is_ascii(), "{}", String::from_utf8_lossy(&out));
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_seven_bit_or_may_be_eight_is_left_alone() {
    assert_eq!(fitted(b"S: x\r\n\r\nx", false, false), Ok(None));
    assert_eq!(fitted("S: ü\r\n\r\nü".as_bytes(), true, true), Ok(None));
    assert_eq!(fitted("S: x\r\n\r\nü".as_bytes(), true, false), Ok(None));
    let header = fitted("Subject: ü\r\n\r\nü".as_bytes(), true, false).unwrap().unwrap();
    assert_eq!(String::from_utf8(header).unwrap(), "Subject: =?utf-8?B?w7w=?=\r\n\r\nü");
    assert_eq!(fitted("To: é@x.org\r\n\r\nü".as_bytes(), true, false), Ok(None));
    assert!(fitted("To: é@x.org\r\n\r\nü".as_bytes(), false, false).unwrap_err().to_string().contains("é@x.org"));
}

#[test]
fn a_text_becomes_quoted_printable_or_base64() {
    assert_eq!(
        converted("Subject: x\n\nGröße  \n=\n"),
        "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\
         MIME-Version: 1.0\r\n\r\nGr=C3=B6=C3=9Fe =20\r\n=3D\r\n"
    );
    let russian = converted("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nпривет всем\n");
    assert!(russian.contains("Content-Transfer-Encoding: base64\r\n\r\n0L/Rg"), "{russian}");
    let headless = converted("für alle\nzwei\n");
    assert!(
        headless.starts_with("Content-Type: text/plain") && headless.ends_with("\r\n\r\nf=C3=BCr alle\r\nzwei\r\n")
    );
    let latin = crate::deliver::compose::crlf(b"Subject: f\xfcr\n\nf\xfcr\n");
    let latin = String::from_utf8(fitted(&latin, false, false).unwrap().unwrap()).unwrap();
    assert!(latin.contains("=?utf-8?Q?f=C3=BCr?=") && latin.contains("charset=unknown-8bit"), "{latin}");
    assert!(latin.ends_with("f=FCr\r\n"), "{latin}");
}

#[test]
fn codings_that_are_there_are_kept() {
    let stray = converted("Content-Type: text/plain\nContent-Transfer-Encoding: Quoted-Printable\n\na=3D ü\n");
    assert!(stray.ends_with("\r\n\r\na=3D =C3=BC\r\n"), "{stray}");
    let stray = converted("Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nYWJj\nü\n");
    assert!(stray.ends_with("\r\n\r\nYWJj\r\n\r\n"), "{stray}");
    let odd = crate::deliver::compose::crlf("Content-Transfer-Encoding: x-uuencode\n\nü\n".as_bytes());
    assert!(fitted(&odd, false, false).unwrap_err().to_string().contains("x-uuencode"));
}

#[test]
fn parts_are_converted_each_by_itself() {
    let mail = "From: a@x.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"a;b\"\n\
                Content-Transfer-Encoding: 8bit\n\nÄ\n--a;b\n\nplain ü\n--a;b\nContent-Type: text/plain\n\nas is =  \n\
                --a;b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: innen ü\n\nü\n--a;b \n\
                Content-Type: image/x; name=\"ü.png\"\nContent-Disposition: attachment; filename*=utf-8''%C3%BC.png\n\n\
                \u{e9}\u{e9}\n--a;b--\nEpilog ü\n";
    let out = converted(mail);
    assert!(out.contains("\r\nas is =  \r\n--a;b\r\n"), "{out}");
    assert!(out.contains("Content-Transfer-Encoding: 7bit\r\n\r\n??\r\n--a;b\r\n"), "{out}");
    assert!(out.ends_with("--a;b--\r\nEpilog ??\r\n"), "{out}");
    let parsed = MessageParser::default().parse(out.as_bytes()).unwrap();
    assert_eq!(parsed.body_text(0).unwrap(), "plain ü");
    let of_kind =
        |kind: &str| parsed.parts.iter().find(|part| part.content_type().is_some_and(|is| is.ctype() == kind)).unwrap();
    assert_eq!(of_kind("image").attachment_name(), Some("ü.png"));
    assert_eq!(of_kind("image").contents(), "éé".as_bytes());
    let inner = of_kind("message").message().unwrap();
    assert_eq!((inner.subject(), &*inner.body_text(0).unwrap()), (Some("innen ü"), "ü"));
}

#[test]
fn broken_structures_lose_nothing() {
    let cut = converted("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nü und mehr");
    assert!(cut.ends_with("=C3=BC und mehr\r\n"), "{cut}");
    let none = converted("Content-Type: multipart/mixed\n\nü\n");
    assert!(none.contains("base64"), "{none}");
    let deep = "Content-Type: message/rfc822\n\n".repeat(60) + "ü\n";
    assert!(
        fitted(&crate::deliver::compose::crlf(deep.as_bytes()), false, false)
            .unwrap_err()
            .to_string()
            .contains("too deep")
    );
    // Any cut of a mail ends in a conversion or in a reason, never in bytes beyond ASCII.
    let mail = "To: \"Zoë \\\" (x\" <a@b\u{fc}.org>, (ü\nContent-Type: multipart/x; boundary=\"ü\n\n--\u{fc}\n:\n";
    for end in 0..=mail.len() {
        if let Ok(Some(out)) = fitted(&mail.as_bytes()[..end], false, false) {
            assert!(out.is_ascii(), "{end}");
        }
    }
}

#[test]
fn headers_read_back_as_they_were() {
    let long = "Ä sehr lange Zeile, die über mehrere Zeilen gehen muss, weil sie sonst zu lang würde für jeden Leser";
    for subject in ["ü", "Re: ü", "ü x ü", "a =?utf-8?q?b?= ü =?utf-8?q?c?= d", "привет мир", long] {
        let plain = subject.replace("=?utf-8?q?b?=", "b").replace("=?utf-8?q?c?=", "c");
        let out = converted(&format!("Subject: {subject}\n\nx\n"));
        assert!(out.lines().all(|line| line.len() <= 78), "{out}");
        let parsed = MessageParser::default().parse(out.as_bytes()).unwrap();
        assert_eq!(parsed.subject(), Some(plain.as_str()), "{out}");
    }
    for (to, name, address) in [
        ("Zoë <a@x.org>", Some("Zoë"), "a@x.org"),
        ("\"Müller, Zoë\" <a@x.org>", Some("Müller, Zoë"), "a@x.org"),
        ("Zoë van den Bäckerberg<a@bücher.example>", Some("Zoë van den Bäckerberg"), "a@xn--bcher-kva.example"),
        ("a@bücher.example", None, "a@xn--bcher-kva.example"),
        ("a@x.org (Zoë)", Some("Zoë"), "a@x.org"),
    ] {
        let out = converted(&format!("To: {to}, Ü <b@x.org>\n\nx\n"));
        let parsed = MessageParser::default().parse(out.as_bytes()).unwrap();
        let found: Vec<_> = parsed.to().unwrap().iter().map(|one| (one.name(), one.address().unwrap())).collect();
        assert_eq!(found, [(name, address), (Some("Ü"), "b@x.org")], "{out}");
    }
}

#[test]
fn long_names_of_files_are_written_in_pieces() {
    let name = "Überaus lange Überschrift einer Übersicht über alles Übrige.pdf";
    let out = converted(&format!(
        "Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"{name}\"\n\nü\n"
    ));
    assert!(out.contains("filename*1*=") && out.lines().all(|line| line.len() <= 90), "{out}");
    let parsed = MessageParser::default().parse(out.as_bytes()).unwrap();
    assert_eq!(parsed.parts[0].attachment_name(), Some(name));
}
