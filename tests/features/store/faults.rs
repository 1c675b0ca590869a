//! A power cut at the worst moment of a conversation, a full disk, unreadable records, poison from the air, a long
//! queue, and an end under load: nothing that got its 250 is lost, and one bad thing stops nothing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::shore::{Shore, classic};
use crate::support::web::Client;
use crate::support::{DEVICE, Folder, SOON, Smtp, Station, World, send, wait_for};
use redb::{Database, TableDefinition};

const MESSAGES: TableDefinition<u64, &[u8]> = TableDefinition::new("messages");
const PACKETS: TableDefinition<u64, &[u8]> = TableDefinition::new("air_packets");

/// A box without a link: what it takes for the outside waits.
fn lonely(folder: &Folder, name: &str) -> Station {
    Station::new(folder, name, &[("box.domain", "boat.example"), ("smtp.trusted", "127.0.0.0/8")], &["anna"])
}

fn message(subject: &str) -> String {
    format!("From: anna@boat.example\nSubject: {subject}\n\nText of {subject}.\n")
}

fn subjects(station: &Station) -> Vec<String> {
    station.messages().iter().map(|message| message["subject"].as_str().unwrap().to_owned()).collect()
}

/// Files of mails that are being received.
fn half_files(station: &Station) -> usize {
    fs::read_dir(station.folder.join("incoming")).unwrap().count()
}

#[test]
fn a_power_cut_in_the_middle_of_data_or_right_after_the_yes() {
    let folder = Folder::new();
    let mut station = lonely(&folder, "box").started();
    let begin = |station: &Station| {
        let mut smtp = Smtp::connect(station.listener("smtp"));
        for line in ["MAIL FROM:<anna@boat.example>", "RCPT TO:<bob@world.example>", "DATA"] {
            assert!(smtp.say(line).starts_with(['2', '3']));
        }
        smtp
    };
    let mut smtp = begin(&station);
    smtp.write(b"Subject: half\r\n\r\nThis is not all of");
    station.kill();
    assert_eq!(smtp.reply(), "");
    station.start();
    assert!(subjects(&station).is_empty());

    // A large one is half in a file.
    let mut smtp = begin(&station);
    smtp.write(b"Subject: half and large\r\n\r\n");
    smtp.write("A line of a message that is too large for memory.\r\n".repeat(40_000).as_bytes());
    wait_for("half of it in a file", SOON, || (half_files(&station) == 1).then_some(()));
    station.kill();
    assert_eq!(half_files(&station), 1);
    station.start();
    assert!(subjects(&station).is_empty());
    assert_eq!(half_files(&station), 0);

    let mut smtp = begin(&station);
    smtp.write(message("whole").replace('\n', "\r\n").as_bytes());
    assert!(smtp.say(".").starts_with("250"));
    station.kill();
    station.start();
    assert_eq!(subjects(&station), ["whole"]);
    station.totals_balance();
}

/// A small file system of its own.
pub struct Disk(PathBuf);

impl Disk {
    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }

    pub fn mount(at: PathBuf, megabytes: u32) -> Self {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output().unwrap();
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        Self(at)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root, to mount a small disk"]
fn root_a_full_disk_is_said_and_loses_nothing() {
    let folder = Folder::new();
    let _disk = Disk::mount(folder.path("disk"), 12);
    for reserve in ["0", "2"] {
        let name = format!("disk/box{reserve}");
        let mut station = lonely(&folder, &name);
        station.cli_ok(&["settings", "set", "store.reserve", reserve], "");
        station.start();
        let mut kept = vec!["first".to_owned()];
        assert!(send(&station, None, "anna@boat.example", "bob@world.example", &message("first")).starts_with("250"));

        let ballast = folder.path("disk/ballast");
        // Fails at the end of the disk, which is what it is for.
        let _ = fs::write(&ballast, vec![1; 64 * 1024 * 1024]);
        let refused = wait_for("a refusal", SOON, || {
            let subject = format!("full {}", kept.len());
            let mail = format!("{}{}", message(&subject), "More text, as the disk has to fill up.\n".repeat(1500));
            let reply = send(&station, None, "anna@boat.example", "bob@world.example", &mail);
            if reply.starts_with("250") {
                kept.push(subject);
                return None;
            }
            Some(reply)
        });
        assert!(refused.starts_with("452"), "{refused}");

        fs::remove_file(&ballast).unwrap();
        wait_for("a message to be taken again", SOON, || {
            send(&station, None, "anna@boat.example", "bob@world.example", &message("last"))
                .starts_with("250")
                .then_some(())
        });
        kept.push("last".to_owned());
        station.kill();
        station.start();
        assert_eq!(subjects(&station), kept);
        station.totals_balance();
        assert_eq!(station.stop(), 0);
        fs::remove_dir_all(&station.folder).unwrap();
    }
}

#[test]
fn unreadable_records_are_set_aside_and_the_others_flow() {
    let world = World::start(&[]);
    let mut station = world.station();
    station.cli_ok(&["settings", "set", "smtp.trusted", "127.0.0.0/8"], "");
    station.cli_ok(&["link", "off", "m138"], "");
    station.start();
    for subject in ["broken", "fine"] {
        let reply = send(&station, None, "anna@boat.example", "bob@world.example", &message(subject));
        assert!(reply.starts_with("250"), "{reply}");
    }
    assert_eq!(station.stop(), 0);
    spoil(&station, 1);
    station.cli_ok(&["link", "on", "m138"], "");
    station.start();
    station.wait_state(SOON, "bob@world.example", "sent");
    let status = station.status().unwrap();
    assert_eq!(status["quarantined"], 1);
    assert!(status["quarantined_last"]["why"].as_str().unwrap().contains("m1"), "{status}");
    assert_eq!((&status["queues"]["link"]["waiting"], &status["totals"]["smtp"]["waiting"]), (&0.into(), &0.into()));
    assert!(station.cli_ok(&["status"], "").contains("in quarantine"));
    assert_eq!(subjects(&station), ["fine"]);
    assert!(!station.cli(&["queue", "show", "m1"], "").status.success());
    station.totals_balance();
}

/// Makes the record of a message, and of a packet that belongs to none, unreadable.
fn spoil(station: &Station, id: u64) {
    let database = Database::open(station.folder.join("satpost.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(MESSAGES).unwrap().insert(id, b"{\"id\":".as_slice()).unwrap();
    write.open_table(PACKETS).unwrap().insert(77, b"?".as_slice()).unwrap();
    write.commit().unwrap();
}

#[test]
fn poison_from_the_air_is_set_aside_and_the_others_flow() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    let said = world.hive_says(&format!("uplink {DEVICE} 7fff0102ff"));
    assert!(said[0].starts_with("ok"), "{said:?}");
    let said = world.modem_says("down 1000 7fff0102ff");
    assert!(said[0].starts_with("ok"), "{said:?}");
    for at in [&station, &gateway] {
        wait_for("the poison to be set aside", 2 * SOON, || (at.status()?["quarantined"] == 1).then_some(()));
    }
    let reply = send(&station, Some("anna"), "anna@boat.example", "bob@world.example", &message("up"));
    assert!(reply.starts_with("250"), "{reply}");
    let reply = send(&gateway, None, "bob@world.example", "anna@shore.example", &message("down"));
    assert!(reply.starts_with("250"), "{reply}");
    wait_for("the mail at the internet's server", 2 * SOON, || world.mails().into_iter().next());
    station.wait_state(2 * SOON, "anna@boat.example", "delivered");
    // Poison does not stay outside to come again.
    wait_for("the modem's store to be empty", SOON, || world.modem_says("inbox").is_empty().then_some(()));
    wait_for("the Hive to hold nothing new", SOON, || {
        let messages = world.hive_says("messages");
        messages.iter().all(|line| !line.contains("\"status\":0")).then_some(())
    });
    for at in [&station, &gateway] {
        assert_eq!(at.status().unwrap()["quarantined"], 1);
        at.totals_balance();
    }
}

/// One device that sends nothing but noise: others are heard meanwhile, what another sent is in quarantine, and the owner
/// reads that the oldest noise is deleted.
#[test]
fn a_flood_of_noise_from_one_device_leaves_the_others_alone() {
    let shore = Shore::start();
    let gateway = shore.gateway(&[], &["olga", "anna=6846", "ben=7"]).started();
    let noise = |numbers: std::ops::Range<u32>| {
        for number in numbers {
            shore.uplink("6846", &[&[0x7f, 0xff][..], &number.to_be_bytes()].concat(), None);
        }
    };
    noise(0..500);
    shore.uplink("7", &classic(true, "olga@shore.example", "heard all the same"), None);
    noise(500..1050);
    // What cannot be read and is somebody else's.
    shore.uplink("7", &[0x7f, 0xff, 9, 9, 9], None);
    noise(1050..1100);
    gateway.wait_state(4 * SOON, "olga@shore.example", "delivered");
    wait_for("the quarantine to be thinned", 20 * SOON, || {
        gateway.log_text().contains("the quarantine is full").then_some(())
    });
    wait_for("all of it to be taken", 20 * SOON, || {
        shore.packets().iter().all(|packet| packet["status"] == 2).then_some(())
    });
    let kept = gateway.status().unwrap()["quarantined"].as_u64().unwrap();
    assert!((950..=1000).contains(&kept), "{kept}");
    let page = Client::logged_in(&gateway, "olga").get("/messages/quarantine").body;
    assert!(page.contains("7fff090909"), "what the other device sent stays: {page}");
    let front = Client::logged_in(&gateway, "olga").get("/").body;
    assert!(front.contains("the quarantine is full") || front.contains("The quarantine is full"), "{front}");
    assert_eq!(gateway.messages().len(), 1);
    gateway.totals_balance();
}

#[test]
fn a_box_starts_with_two_thousand_waiting_messages() {
    const LETTERS: usize = 2000;
    let folder = Folder::new();
    let mut station = lonely(&folder, "box").started();
    let listener = station.listener("smtp");
    let write = |from: usize| {
        let mut smtp = Smtp::connect(listener);
        for number in (from..LETTERS).step_by(8) {
            let reply = smtp.mail("anna@boat.example", "bob@world.example", &message(&format!("message {number}")));
            assert!(reply.starts_with("250"), "{reply}");
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|from| drop(scope.spawn(move || write(from)))));
    station.kill();
    station.start();
    let status = station.status().unwrap();
    assert_eq!(status["queues"]["link"]["waiting"], LETTERS);
    assert_eq!(status["totals"]["smtp"]["waiting"], LETTERS);
    station.totals_balance();
    let reply = send(&station, None, "anna@boat.example", "bob@world.example", &message("one more"));
    assert!(reply.starts_with("250"), "{reply}");
}

#[test]
fn sigterm_under_traffic_ends_in_order_and_loses_nothing() {
    let world = World::start(&[]);
    let mut station = world.station();
    station.cli_ok(&["settings", "set", "smtp.trusted", "127.0.0.0/8"], "");
    station.start();
    let listener = station.listener("smtp");
    let write = |name: usize| {
        let mut kept = Vec::new();
        let Some(mut smtp) = Smtp::try_connect(listener) else { return kept };
        loop {
            let subject = format!("message {name} {}", kept.len());
            if !smtp.mail("anna@boat.example", "bob@world.example", &message(&subject)).starts_with("250") {
                return kept;
            }
            kept.push(subject);
        }
    };
    let (code, mut kept) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|name| scope.spawn(move || write(name))).collect();
        wait_for("a message on the modem", SOON, || (!world.modem_says("queue").is_empty()).then_some(()));
        let code = station.stop();
        (code, writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>())
    });
    assert_eq!(code, 0, "{}", station.log_text());
    assert!(kept.len() > 10, "there was traffic: {}", kept.len());
    station.start();
    let mut found = subjects(&station);
    found.retain(|subject| subject.starts_with("message"));
    kept.sort();
    found.sort();
    // What was kept while its 250 was cut off may be there too, once.
    assert!(kept.iter().all(|subject| found.binary_search(subject).is_ok()));
    assert!(found.windows(2).all(|two| two[0] != two[1]));
    station.totals_balance();
}
