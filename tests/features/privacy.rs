//! What stays out of sight: messages, addresses and secrets out of the log of a box; one box's log-in out of another's;
//! numbers for a monitor without names.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::shore::{Shore, classic, from_outside, message};
use crate::support::{Folder, PASSWORD, SOON, Smtp, Station, wait_for};

/// Asks for a page and gives back the whole answer.
fn get(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Mail in and out, packets both ways, a message that comes back, wrong passwords, a stranger, settings and people that
/// change, an export and an erasure: none of it leaves a text, an address or a secret in the log.
#[test]
fn the_log_holds_no_message_no_address_and_no_secret() {
    let shore = Shore::start();
    let mut gateway = shore.gateway(&[], &["olga", "ben", "anna=6846"]).started();
    let secrets = ["Quinquireme", "cargo-of-ivory", "sandalwood", "cedarwood", "olga@", "ben@", "anna@", "bob@"];
    let mail = message("Quinquireme", "cargo-of-ivory");
    assert!(from_outside(&gateway, "ben@shore.example", &mail).starts_with("250"));
    assert!(from_outside(&gateway, "anna@shore.example", &mail).starts_with("250"));
    assert!(from_outside(&gateway, "nobody@shore.example", &mail).starts_with("550"));
    let mut smtp = Smtp::connect(gateway.listener("submission"));
    smtp.login("olga");
    assert!(smtp.mail("olga@shore.example", "bob@world.example", &mail).starts_with("250"));
    assert!(smtp.mail("olga@shore.example", "anna@shore.example", &mail).starts_with("250"));
    let wrong = STANDARD.encode("\0sandalwood\0cedarwood");
    assert!(Smtp::connect(gateway.listener("smtp")).say(&format!("AUTH PLAIN {wrong}")).starts_with("535"));
    shore.wait_mails(1);
    let packet = shore.uplink("6846", &classic(true, "bob@world.example", "cargo-of-ivory"), None);
    shore.wait_acknowledged(packet);
    shore.uplink("6846", b"Quinquireme, which is no packet", None);
    wait_for("the packet that cannot be read", SOON, || gateway.status().filter(|status| status["quarantined"] != 0));
    gateway.cli_ok(&["link", "set", "hive", "hive.password"], "p");
    gateway.cli_ok(&["settings", "set", "relay.password"], "sandalwood");
    gateway.cli_ok(&["people", "passwd", "ben"], "cedarwood and sweet white wine");
    // Servers like to name the recipient in what they say.
    shore.sink_says("code RCPT 450 4.7.1 <bob@world.example>: this is a grey list");
    gateway.cli_ok(&["send", "--from", "olga", "--subject", "Quinquireme", "bob@world.example"], "cargo-of-ivory");
    wait_for("the reason in the log", SOON, || gateway.log_text().contains("grey list").then_some(()));
    assert!(gateway.log_text().contains("not taken by the relay, for now (450 4.7.1)"), "{}", gateway.log_text());
    shore.sink_says("clear");
    shore.sink_says("close");
    gateway.cli_ok(&["send", "--from", "olga", "--subject", "Quinquireme", "bob@world.example"], "cargo-of-ivory");
    gateway.wait_state(SOON, "bob@world.example", "queued");
    shore.sink_says("clear");
    gateway.cli_ok(&["people", "export", "ben", shore.folder.path("ben.tar").to_str().unwrap()], "");
    gateway.cli_ok(&["people", "erase", "ben"], "");
    assert!(get(gateway.listener("web"), "/login").starts_with("HTTP/1.1 200"));
    gateway.totals_balance();
    assert_eq!(gateway.stop(), 0);
    let log = gateway.log_text();
    assert!(log.contains("is up") && log.contains("taken by smtp"), "{log}");
    for secret in secrets.into_iter().chain([PASSWORD, "argon2"]) {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

/// All that was made of a person's messages goes with them, and does not come back with a later backup: copies to their
/// private address, notices to those who wrote to them. What the box knows of them is in the copy of their data.
#[test]
fn erasing_and_exporting_a_person_is_complete() {
    let shore = Shore::start();
    let settings = [("link.price", "0.07"), ("air.tell_held", "yes")];
    let more = [("smtp.auth_host", "mx.shore.example"), ("air.strangers", "hold")];
    let mut gateway =
        shore.gateway(&[&settings[..], &more[..]].concat(), &["olga", "ben", "anna=6846", "carl=7"]).started();
    gateway.cli_ok(&["people", "edit", "ben", "--forward", "ben@home.example"], "");
    assert!(from_outside(&gateway, "ben@shore.example", &message("Hello", "quinquireme")).starts_with("250"));
    assert_eq!(shore.wait_mails(1)[0]["to"][0], "ben@home.example");
    let proven = format!(
        "Authentication-Results: mx.shore.example; spf=pass smtp.mailfrom=world.example\n{}",
        message("Hello", "sandalwood")
    );
    assert!(from_outside(&gateway, "anna@shore.example", &proven).starts_with("250"));
    shore.wait_mails(2);
    gateway.cli_ok(&["send", "--from", "ben", "--subject", "Ivory", "Bob+x@world.example"], "cargo");
    gateway.cli_ok(&["send", "--from", "olga", "--subject", "Ivory", "carl@shore.example"], "apes and peacocks");
    shore.wait_mails(3);

    let packet = wait_for("the packet", SOON, || shore.packets().pop());
    shore.hive_says(&format!("status {} 3", packet["packetId"]));
    gateway.wait_state(SOON, "carl@shore.example", "sent");
    let export = |name: &str| {
        let file = shore.folder.path(&format!("{name}.tar"));
        gateway.cli_ok(&["people", "export", name, file.to_str().unwrap()], "");
        let copy = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        let data = &copy[copy.find("{\n").unwrap()..];
        let data: serde_json::Value = serde_json::Deserializer::from_str(data).into_iter().next().unwrap().unwrap();
        (copy, data)
    };
    let (copy, data) = export("ben");
    assert!(copy.contains("quinquireme") && !copy.contains("apes and peacocks"), "{copy}");
    let contacts: Vec<_> = data["contacts"].as_array().unwrap().iter().map(|contact| &contact["address"]).collect();
    assert_eq!(contacts, ["bob@world.example"]);
    // What comes to a device is its reader's cost.
    let (_, data) = export("carl");
    assert_eq!((&data["costs"][0]["packets"], &data["costs"][0]["money"]), (&1.into(), &"0.07".into()), "{data}");

    let holds = |name: &str, words: &[&str]| {
        let backup = shore.folder.path(name);
        gateway.cli_ok(&["backup", backup.to_str().unwrap()], "");
        let bytes = std::fs::read(backup).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        words.iter().filter(|word| text.contains(**word)).map(ToString::to_string).collect::<Vec<_>>()
    };
    let of_ben = ["quinquireme", "ben@home.example"];
    let of_anna = ["sandalwood", "anna@shore.example"];
    assert_eq!(holds("before.redb", &[of_ben, of_anna].concat()).len(), 4);
    gateway.cli_ok(&["people", "erase", "ben"], "");
    assert_eq!(holds("after.redb", &of_ben), [""; 0]);
    gateway.cli_ok(&["people", "erase", "anna"], "");
    assert_eq!(holds("last.redb", &of_anna), [""; 0]);
    // Nor is a word left in the files of the box, in parts that are not used.
    let in_use = || {
        let files = ["satpost.redb", "satpost.redb.wal"].map(|name| gateway.folder.join(name));
        let bytes: Vec<_> = files.iter().filter_map(|file| std::fs::read(file).ok()).flatten().collect();
        let has = |word: &&str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(has(&"apes and peacocks"), "what is kept is there");
        [of_ben, of_anna].concat().into_iter().filter(has).collect::<Vec<_>>()
    };
    wait_for("the words of the erased out of the files", SOON, || in_use().is_empty().then_some(()));
    let left = gateway.messages();
    assert_eq!(left.iter().map(|message| &message["to"]).collect::<Vec<_>>(), ["carl@shore.example"]);
    gateway.totals_balance();
    assert_eq!(gateway.stop(), 0);
}

/// Only the box reads its file, also where another program, or an older version, left it open to others.
#[test]
fn the_file_of_the_box_is_its_own() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let mut station = Station::new(&folder, "boat", &[], &["anna"]);
    let file = station.folder.join("satpost.redb");
    let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    station.start();
    assert_eq!(mode(), 0o600);
}

/// Two boxes on one machine share its cookies, as browsers keep them by host: their names differ.
#[test]
fn boxes_on_one_machine_have_cookies_of_their_own() {
    let folder = Folder::new();
    let names: Vec<String> = ["boat", "shore"]
        .into_iter()
        .map(|name| {
            let station = Station::new(&folder, name, &[], &["anna"]).started();
            let page = get(station.listener("web"), "/login");
            let (_, cookie) = page.split_once("Set-Cookie: ").unwrap();
            cookie.split('=').next().unwrap().to_owned()
        })
        .collect();
    assert_ne!(names[0], names[1]);
}

/// The numbers for a monitor are there when they are wanted, in the format that Prometheus reads, without a name.
#[test]
fn metrics_are_off_until_they_are_wanted_and_name_nobody() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga"]).started();
    let web = gateway.listener("web");
    assert!(get(web, "/metrics").starts_with("HTTP/1.1 404"));
    assert!(from_outside(&gateway, "olga@shore.example", &message("Hello", "x")).starts_with("250"));
    gateway.cli_ok(&["settings", "set", "web.metrics", "yes"], "");
    let text =
        wait_for("the metrics", SOON, || Some(get(web, "/metrics")).filter(|text| text.contains("satpost_up 1")));
    assert!(text.contains("Content-Type: text/plain; version=0.0.4"), "{text}");
    assert!(text.contains("satpost_messages_accepted_total{origin=\"smtp\"} 1\n"), "{text}");
    assert!(!text.contains("olga") && !text.contains("shore.example"), "{text}");
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let mut kind = String::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            rest.split(' ').next().unwrap().clone_into(&mut kind);
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(name.split('{').next(), Some(kind.as_str()), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
