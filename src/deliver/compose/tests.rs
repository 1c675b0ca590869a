use mail_parser::MessageParser;

use super::*;

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

fn sample<'a>(from: &'a Mailbox, to: &'a Mailbox, subject: &'a str, text: &'a str) -> ComposedMail<'a> {
    ComposedMail {
        from,
        from_name: Some("Anna Å, \"Skipper\""),
        to,
        subject,
        text,
        date: Time::from_seconds(1_800_000_000),
        message_id: "<m7.1800000000@box.example>",
        references: &[],
        auto_submitted: None,
    }
}

/// Nothing that a relay could trip over.
fn check_clean(mail: &[u8], ascii: bool) {
    assert_eq!(crlf(mail), mail, "line ends");
    for line in mail.split(|&byte| byte == b'\n') {
        assert!(line.len() <= 999, "a line of {} bytes", line.len());
    }
    assert!(!ascii || mail.is_ascii());
    assert!(!mail.contains(&0));
}

#[test]
fn the_body_is_exactly_the_text() {
    let (from, to) = (mailbox("anna@box.example"), mailbox("bob@far.example"));
    let long = "word ".repeat(500);
    let wide = "x".repeat(3000);
    for text in [
        "hello",
        "hello\n",
        "",
        "\n\nblank lines\n\n\n",
        ".\n..\n.\nRSET\n",
        "From here on\n>From there\n",
        "trailing blank \nand tab\t\n",
        "Café ☃ 漢字 👩‍👩‍👧\n",
        "= at =20 the =\nend=",
        "-- \nsignature",
        "nul\0 bell\x07 and lone\rreturn",
        &long,
        &wide,
    ] {
        let mail = build(&sample(&from, &to, "S", text));
        check_clean(&mail, true);
        let parsed = MessageParser::new().parse(&mail).unwrap();
        let body = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(body.trim_end_matches('\n'), text.trim_end_matches('\n'), "{text:?}");
        assert_eq!(parsed.parts.len(), 1);
    }
}

#[test]
fn headers_say_what_they_should() {
    let (from, to) = (mailbox("anna@box.example"), mailbox("bob@far.example"));
    let mut wanted = sample(&from, &to, "Hej\r\nBcc: evil@x.org\t på  dig", "T");
    wanted.auto_submitted = Some("auto-generated");
    let thread = ["<first@box.example>".to_owned(), "<q@far.example>".to_owned()];
    wanted.references = &thread;
    let mail = build(&wanted);
    check_clean(&mail, true);
    let parsed = MessageParser::new().parse(&mail).unwrap();
    assert_eq!(parsed.subject(), Some("Hej Bcc: evil@x.org på dig"));
    assert_eq!(parsed.bcc(), None);
    let sender = parsed.from().unwrap().first().unwrap();
    assert_eq!((sender.name(), sender.address()), (wanted.from_name, Some("anna@box.example")));
    assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("bob@far.example"));
    assert_eq!(parsed.message_id(), Some("m7.1800000000@box.example"));
    assert_eq!(parsed.in_reply_to().as_text(), Some("q@far.example"));
    assert_eq!(
        parsed.references().as_text_list().map(|ids| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>()),
        Some(vec!["first@box.example".to_owned(), "q@far.example".to_owned()])
    );
    assert_eq!(parsed.date().unwrap().to_timestamp(), 1_800_000_000);
    assert_eq!(parsed.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
    assert_eq!(build(&wanted), mail, "the same message is the same mail at each try");
}

#[test]
fn foreign_words_cannot_break_a_header() {
    let (from, to) = (mailbox("anna@box.example"), mailbox("bob@far.example"));
    let subject = "ü".repeat(400);
    let mut wanted = sample(&from, &to, &subject, "T");
    wanted.from_name = Some("x\r\nBcc: evil@x.org");
    wanted.message_id = "<a\r\nBcc: evil@x.org>";
    let thread = ["\r\n\r\nbody".to_owned()];
    wanted.references = &thread;
    wanted.auto_submitted = Some("no\nBcc: evil@x.org");
    let mail = build(&wanted);
    check_clean(&mail, true);
    let parsed = MessageParser::new().parse(&mail).unwrap();
    assert_eq!(parsed.bcc(), None);
    assert_eq!(parsed.subject(), Some("ü".repeat(400).as_str()));
    assert_eq!(parsed.body_text(0).unwrap().trim_end(), "T");
}

#[test]
fn odd_times_and_names_do_no_harm() {
    let (from, to) = (mailbox("anna@box.example"), mailbox("bob@far.example"));
    for date in [Time(0), Time(i64::MIN), Time::NEVER] {
        check_clean(&build(&ComposedMail { date, ..sample(&from, &to, "S", "T") }), true);
    }
    let mail =
        build(&ComposedMail { from_name: Some(" \t"), references: &["<>".to_owned()], ..sample(&from, &to, "", "T") });
    let text = String::from_utf8(mail).unwrap();
    assert!(text.contains("From: <anna@box.example>\r\n") && !text.contains("In-Reply-To"), "{text}");
}

#[test]
fn addresses_beyond_ascii_stand_in_the_header_as_utf_8() {
    let (from, to) = (mailbox("anna@box.example"), mailbox("josé@example.com"));
    let mail = build(&sample(&from, &to, "ü", "ü"));
    check_clean(&mail, false);
    let text = String::from_utf8(mail).unwrap();
    assert!(text.contains("To: <josé@example.com>\r\n"), "{text}");
    assert!(text.contains("=?utf-8?"), "the rest stays ASCII");
}

#[test]
fn a_received_line_is_folded_and_says_only_what_it_should() {
    let to = mailbox("bob@far.example");
    let line = received(&Received {
        helo: "evil) by x;\r\nBcc: a@b",
        ip: Some("::ffff:10.0.0.7".parse().unwrap()),
        by: "box.example",
        with: "ESMTPSA",
        id: "m7",
        to: Some(&to),
        at: Time::from_seconds(1_800_000_000),
    });
    let expected = "Received: from evilbyxBcc:a@b ([10.0.0.7])\r\n\tby box.example with ESMTPSA id m7\r\n\
                    \tfor <bob@far.example>;\r\n\tFri, 15 Jan 2027 08:00:00 +0000";
    assert_eq!(line, expected);
    assert_eq!(header("X-Loop", "box.example\r\nBcc: a@b"), "X-Loop: box.example Bcc: a@b");
}

#[test]
fn line_ends_are_normal_afterwards() {
    for (from, to) in [
        ("a\nb", "a\r\nb"),
        ("a\rb", "a\r\nb"),
        ("a\r\nb", "a\r\nb"),
        ("a\r\r\nb", "a\r\n\r\nb"),
        ("\n.\n", "\r\n.\r\n"),
        ("\n\r.\r\n", "\r\n\r\n.\r\n"),
    ] {
        assert_eq!(crlf(from.as_bytes()), to.as_bytes(), "{from:?}");
        assert_eq!(crlf(to.as_bytes()), to.as_bytes());
    }
}

#[test]
fn a_text_without_a_header_is_told_from_a_mail() {
    for mail in ["hello there: you\r\n", "hello", " folded: x", ": x"] {
        assert!(!begins_with_header(mail.as_bytes()), "{mail:?}");
    }
    for mail in ["Subject: x\r\n\r\nbody", "Subject : s\n\nb", "\r\nhello", ""] {
        assert!(begins_with_header(mail.as_bytes()), "{mail:?}");
    }
}
