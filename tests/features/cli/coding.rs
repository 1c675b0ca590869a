//! `satpost code` and `satpost decode`: what goes in comes back, small, and what is wrong is said.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn satpost(words: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_satpost"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that ends at a wrong line does not read the rest.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn messages_come_back_from_the_packets_that_were_printed() {
    let messages = [
        r#"{"kind":"email","subject":"Boat","text":"We left the harbour this morning.\nLove, Anna","to":"mum@example.org"}"#.to_owned(),
        r#"{"kind":"sms","subject":"","text":"Running late, home at 7","to":"+14155550123"}"#.to_owned(),
        format!(r#"{{"kind":"email","subject":"","text":"{}","to":"a@b.c"}}"#, (0..400).map(|n| format!("{} ", n * 7919)).collect::<String>()),
    ];
    let input = messages.map(|message| message + "\n").concat();
    let coded = satpost(&["code"], &input);
    assert!(coded.status.success(), "{}", String::from_utf8_lossy(&coded.stderr));
    let lines = String::from_utf8(coded.stdout).unwrap();
    let packets: Vec<usize> = lines.lines().map(|line| line.split(' ').count()).collect();
    assert!(packets[..2] == [1, 1] && packets[2] > 2, "{packets:?}");
    assert!(lines.split_whitespace().all(|packet| packet.len() <= 2 * 192));
    assert!(lines.lines().next().unwrap().len() < 2 * 45, "a short message takes few bytes: {lines}");
    let back = satpost(&["decode"], &lines);
    assert_eq!(String::from_utf8(back.stdout).unwrap(), input);
}

/// With a book that both ends know an address costs a byte; four short messages of one device fit one packet.
#[test]
fn messages_share_packets_and_addresses_that_both_ends_know() {
    let folder = crate::support::Folder::new();
    let message = |number: usize, from: &str| {
        format!(
            "{{\"kind\":\"sms\",\"from\":\"{from}\",\"subject\":\"\",\"text\":\"All well at camp {number}\",\"to\":\"friend{number}@example.org\"}}\n"
        )
    };
    let input: String = (0..4).flat_map(|number| [message(number, "0x1"), message(number, "0x2")]).collect();
    let book = folder.path("book");
    std::fs::write(&book, &input).unwrap();
    let book = book.to_str().unwrap();
    let alone = satpost(&["code"], &input).stdout.len();
    let known = satpost(&["code", "--book", book], &input).stdout.len();
    let of =
        |from: &str| (0..4).map(|number| message(number, from).trim_end().to_owned()).collect::<Vec<_>>().join(",");
    let bundles = format!("[{}]\n[{}]\n", of("0x1"), of("0x2"));
    let together = satpost(&["code", "--book", book], &bundles).stdout;
    assert!(known < alone && together.len() < known, "{alone} {known} {}", together.len());
    let lines = String::from_utf8(together).unwrap();
    assert_eq!(lines.split_whitespace().count(), 2, "one packet for each device: {lines}");
    let back = String::from_utf8(satpost(&["decode", "--book", book], &lines).stdout).unwrap();
    assert_eq!(back.lines().count(), 8);
    assert!(back.contains("friend3@example.org") && back.contains("All well at camp 3"), "{back}");
    let blind = satpost(&["decode"], &lines);
    assert!(
        String::from_utf8_lossy(&blind.stderr).contains("Book"),
        "without the book nothing is delivered to anybody"
    );
}

#[test]
fn a_wrong_line_is_named() {
    for (command, input, says) in [
        ("code", "{\"kind\":\"fax\"}\n", "line 1: kind is 'fax'"),
        ("code", "{\"kind\":\"sms\"}\n", "line 1: to has to be"),
        ("decode", "9\n", "line 1: not hex"),
        ("decode", "0801\n", "line 1: cannot be read: Foreign"),
    ] {
        let output = satpost(&[command], input);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(says), "{said}");
    }
}
