//! `satpost code` and `satpost decode`: what goes in comes back, small, and what is wrong is said.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use compact::packet::check::crc16;
use compact::peer::book::index_of;

/// Runs a command that finds the model primed.
fn satpost(words: &[&str], input: &str) -> Output {
    let folder = crate::support::Folder::new();
    crate::support::coder::lend(&folder);
    run(&[words, &["--data", folder.to_str().unwrap()]].concat(), input)
}

fn run(words: &[&str], input: &str) -> Output {
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

/// What both ends have of a correspondence, and where bytes are billed together.
#[test]
fn a_message_after_others_is_shorter_and_long_ones_are_cut_where_a_credit_ends() {
    let mail = |text: &str| format!(r#"{{"kind":"email","subject":"Yanmar","text":"{text}","to":"mum@example.org"}}"#);
    let before = mail("Halldora fits the spare impeller of the Yanmar, Sigurbjorn holds the lamp.");
    let next = mail("The impeller holds, Halldora is proud of the Yanmar and of Sigurbjorn.");
    let input = format!("{next}\n[{before},{next}]\n");
    let coded = satpost(&["code", "--after"], &input);
    let lines = String::from_utf8(coded.stdout).unwrap();
    let sizes: Vec<usize> = lines.lines().map(str::len).collect();
    assert!(coded.status.success() && sizes.len() == 2 && sizes[1] + 10 < sizes[0], "{lines}");
    let long = mail(&(0..400).map(|n| format!("{} ", n * 7919)).collect::<String>()) + "\n";
    let coded = satpost(&["code", "--packet-size", "340", "--step", "50"], &long);
    let lines = String::from_utf8(coded.stdout).unwrap();
    let packets: Vec<&str> = lines.split_whitespace().collect();
    let (last, full) = packets.split_last().unwrap();
    assert!(!full.is_empty() && full.iter().all(|packet| packet.len() == 2 * 300) && last.len() <= 2 * 300, "{lines}");
    assert_eq!(String::from_utf8(satpost(&["decode"], &lines).stdout).unwrap(), long);
}

/// With a book that both ends know an address costs a byte; four short messages of one device fit one packet.
#[test]
fn messages_share_packets_and_addresses_that_both_ends_know() {
    let folder = crate::support::Folder::new();
    let message = |number: usize, from: &str| {
        format!(
            "{{\"kind\":\"email\",\"from\":\"{from}\",\"subject\":\"\",\"text\":\"All well at camp {number}\",\"to\":\"friend{number}@example.org\"}}\n"
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

/// Two addresses that an index and a check cannot tell apart.
fn alike() -> (String, String) {
    let mut seen = HashMap::new();
    for number in 10_000..100_000 {
        let address = format!("crew{number}@example.org");
        if let Some(other) = seen.insert((index_of(&address), crc16(address.as_bytes())), address.clone()) {
            return (other, address);
        }
    }
    panic!("no two addresses are alike");
}

#[test]
fn a_packet_that_fits_two_devices_is_given_to_neither() {
    let folder = crate::support::Folder::new();
    let (one, other) = alike();
    let message =
        |to: &str, from: &str| format!("{{\"kind\":\"email\",\"from\":\"{from}\",\"to\":\"{to}\",\"text\":\"hi\"}}\n");
    let book = folder.path("book");
    std::fs::write(&book, message(&one, "0x1") + &message(&other, "0x2")).unwrap();
    let book = book.to_str().unwrap();
    let packet = String::from_utf8(satpost(&["code", "--book", book], &message(&one, "0x1")).stdout).unwrap();
    let refused = satpost(&["decode", "--book", book], &packet);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && said.contains("0x1 and of 0x2: name the device with --device"),
        "{said}"
    );
    for (device, to) in [("0x1", one), ("0x2", other)] {
        let read = satpost(&["decode", "--book", book, "--device", device], &packet).stdout;
        assert!(String::from_utf8(read).unwrap().contains(&to), "{device}");
    }
}

/// An index never stands for a mail address in a text message, nor for a number in a mail.
#[test]
fn a_text_message_keeps_its_kind_of_address() {
    let folder = crate::support::Folder::new();
    let book = folder.path("book");
    // The same index, and whatever follows them in a text message, the same check.
    let alike = |address: &str| (index_of(address), crc16(format!("\u{1}{address}\n").as_bytes()));
    let numbers: HashMap<_, _> =
        (0..10_000).map(|number| format!("+4479001{number:05}")).map(|number| (alike(&number), number)).collect();
    let mut mails = (0..100_000).map(|number| format!("crew{number}@example.org"));
    let (number, mail) = mails.find_map(|mail| Some((numbers.get(&alike(&mail))?.clone(), mail))).unwrap();
    let line =
        |kind: &str, to: &str| format!("{{\"kind\":\"{kind}\",\"from\":\"\",\"to\":\"{to}\",\"text\":\"hi\"}}\n");
    std::fs::write(&book, line("sms", &number)).unwrap();
    let book = book.to_str().unwrap();
    let packet = String::from_utf8(satpost(&["code", "--book", book], &line("sms", &number)).stdout).unwrap();
    std::fs::write(book, line("email", &mail)).unwrap();
    let refused = satpost(&["decode", "--book", book], &packet);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot be read: Book"));
}

#[test]
fn a_primed_state_is_kept_in_the_data_folder() {
    let folder = crate::support::Folder::new();
    let data = folder.path("data");
    std::fs::create_dir(&data).unwrap();
    let line = "{\"kind\":\"sms\",\"to\":\"+14155550123\",\"text\":\"ok\"}\n";
    let code = || run(&["code", "--model", "2", "--data", data.to_str().unwrap()], line).stdout;
    let first = code();
    assert!(data.join("model-2.primed").is_file());
    assert!(!first.is_empty() && first == code());
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
