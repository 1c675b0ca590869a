//! What two boxes have of a correspondence makes its next messages shorter; a box that lost it still gets them.

use std::fs;

use crate::support::{SOON, Station, World, send, wait_for};

/// Mails of one person about one thing, as people write them.
const MAILS: [&str; 9] = [
    "The Zodiac is back from Grimsey with the spare impeller. Halldora wants the Yanmar running before Thursday's survey.",
    "Halldora looked at the Yanmar: the impeller was in pieces. She fits the spare one now, Sigurbjorn holds the lamp.",
    "The Yanmar runs, Halldora is proud of herself. Sigurbjorn takes the Zodiac to Grimsey for diesel and the post.",
    "No diesel in Grimsey before Thursday's survey. Sigurbjorn left the jerrycans with Halldora's cousin at the harbour.",
    "Thursday's survey moves to Friday: fog over Grimsey, the Zodiac stays here. Halldora plays chess with Sigurbjorn.",
    "Survey done from the Zodiac, all nine sonar lines. Sigurbjorn steered, Halldora wrote, the Yanmar never stopped once.",
    "Halldora's cousin brought the jerrycans from Grimsey himself. So we have diesel for the Yanmar until the next survey.",
    "The sonar of the Zodiac shows nothing since Friday. Sigurbjorn thinks of the plug, Halldora of the fog and the salt.",
    "It was the plug of the sonar. Sigurbjorn was right, Halldora makes him coffee. Next survey off Grimsey on Thursday.",
];

struct Talk {
    world: World,
    station: Station,
    gateway: Station,
}

impl Talk {
    /// Two boxes that know what the other one reads.
    fn start() -> Self {
        let world = World::start(&[]);
        let [station, gateway] = [world.station(), world.gateway()].map(|made| {
            made.cli_ok(&["settings", "set", "air.history"], "yes");
            made.started()
        });
        let talk = Self { station, gateway, world };
        talk.write("Hello", "Are you there?");
        talk.ashore("Hello");
        talk.answer("Hello");
        talk
    }

    /// Gives its number.
    fn write(&self, subject: &str, text: &str) -> String {
        let mail = format!("From: anna@boat.example\nSubject: {subject}\n\n{text}\n");
        let reply = send(&self.station, Some("anna"), "anna@boat.example", "bob@world.example", &mail);
        reply.trim().strip_prefix("250 2.0.0 kept as ").unwrap_or_else(|| panic!("{reply}")).to_owned()
    }

    fn ashore(&self, subject: &str) {
        let line = format!("Subject: {subject}\r\n");
        wait_for(&format!("'{subject}' ashore"), 4 * SOON, || {
            self.world.mails().iter().any(|mail| mail["data"].as_str().unwrap().contains(&line)).then_some(())
        });
    }

    /// Bob writes: what the gateway has to say rides with it.
    fn answer(&self, subject: &str) {
        let mail = format!("From: bob@world.example\nSubject: Re: {subject}\n\nThanks.\n");
        assert!(send(&self.gateway, None, "bob@world.example", "anna@shore.example", &mail).starts_with("250"));
        let subject = format!("Re: {subject}");
        wait_for(&format!("'{subject}' on board"), 4 * SOON, || {
            let found = |m: &serde_json::Value| m["subject"] == subject.as_str() && m["state"] == "delivered";
            self.station.messages().into_iter().find(found)
        });
    }

    /// The nth mail goes; its bytes on air, without the notes that rode along.
    fn mail(&self, number: usize) -> u64 {
        let id = self.write(&format!("Log {number}"), MAILS[number]);
        self.ashore(&format!("Log {number}"));
        self.station.json(&["queue", "show", &id])["on_air"]["bytes"].as_u64().unwrap()
    }

    fn both_are_in_order(&self) {
        self.station.totals_balance();
        self.gateway.totals_balance();
    }
}

#[test]
fn the_ninth_mail_of_a_correspondence_takes_less_than_it_would_alone() {
    let mut talk = Talk::start();
    for number in 0..8 {
        talk.mail(number);
        talk.answer(&format!("Log {number}"));
    }
    // What they have in common survives the end of both programs.
    talk.station.kill();
    talk.gateway.kill();
    talk.gateway.start();
    talk.station.start();
    let after = talk.mail(8);
    talk.both_are_in_order();
    // The same mail between boxes that have said hello and no more.
    let fresh = Talk::start();
    let alone = fresh.mail(8);
    assert!(after * 100 <= alone * 92, "{after} bytes after eight mails, {alone} alone");
}

#[test]
fn a_box_that_lost_what_both_had_gets_the_mail_without_it() {
    let mut talk = Talk::start();
    // The file and its log belong together.
    let files = ["satpost.redb", "satpost.redb.wal"].map(|name| talk.gateway.folder.join(name));
    talk.gateway.kill();
    let kept = files.each_ref().map(|file| fs::read(file).unwrap());
    talk.gateway.start();
    for number in 0..4 {
        talk.mail(number);
        talk.answer(&format!("Log {number}"));
    }
    // The gateway comes back with its data folder of yesterday.
    talk.gateway.kill();
    files.iter().zip(kept).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    talk.gateway.start();
    let before = talk.world.mails().len();
    let id = talk.write("Log 8", MAILS[8]);
    wait_for("the packet that cannot be read", 4 * SOON, || {
        talk.gateway.log_text().contains("a packet that cannot be read here is kept").then_some(())
    });
    assert_eq!(talk.world.mails().len(), before);
    // The question rides with the next message, and then it goes without what the gateway lacks.
    talk.answer("Question");
    talk.ashore("Log 8");
    let shown = talk.station.cli_ok(&["queue", "show", &id], "");
    assert!(shown.contains("it goes without them"), "{shown}");
    assert_eq!(talk.world.mails().len(), before + 1, "once");
    talk.station.totals_balance();
}
