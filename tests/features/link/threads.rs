//! Subject and text are two fields at both ends and in everything that leaves, and a thread holds over the air.

use serde_json::Value;

use crate::support::web::Client;
use crate::support::{SOON, Smtp, Station, World, wait_for};

/// A mail of the internet's server: the values of a header line, unfolded, and the body.
struct Mail(String, String);

impl Mail {
    fn read(mail: &Value) -> Self {
        let data = mail["data"].as_str().unwrap();
        let (head, body) = data.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{data}"));
        Self(head.replace("\r\n\t", " ").replace("\r\n ", " "), body.to_owned())
    }

    fn header(&self, name: &str) -> &str {
        let lines = self.0.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.trim())
    }
}

fn at_the_relay(world: &World, number: usize) -> Mail {
    wait_for(&format!("mail {number} at the internet's server"), 4 * SOON, || world.mails().get(number).map(Mail::read))
}

fn write(station: &Station, subject: &str, text: &str) -> Value {
    station.json(&["send", "--from", "anna", "--subject", subject, "--text", text, "bob@world.example"])
}

fn aboard(station: &Station, text: &str) -> Value {
    wait_for(&format!("'{text}' on board"), 4 * SOON, || {
        station.messages().into_iter().find(|m| m["body"] == text && m["state"] == "delivered")
    })
}

/// From sea to shore, back, and there again: once in the classic coding, then in the compact one.
#[test]
fn a_thread_holds_from_sea_to_shore_and_back() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    let mut thread: Vec<String> = Vec::new();
    for round in 0..2 {
        let subject = if round == 0 { "Boat" } else { "Re: Boat" };
        let text = format!("All is well in round {round}.\nAnna");
        let sent = write(&station, subject, &text);
        let mail = at_the_relay(&world, round);
        assert_eq!(
            (mail.header("Subject"), mail.1.as_str()),
            (subject, &*format!("{}\r\n", text.replace('\n', "\r\n")))
        );
        assert_eq!(mail.header("References"), thread.join(" "), "{}", mail.0);
        assert_eq!(mail.header("In-Reply-To"), thread.last().map_or("", String::as_str));
        thread.push(mail.header("Message-ID").to_owned());
        let shown = station.json(&["queue", "show", sent[0]["id"].as_str().unwrap()]);
        assert_eq!((&shown["subject"], &shown["body"]), (&subject.into(), &text.as_str().into()), "{shown}");
        assert_eq!(shown["text"], format!("{subject}\n{text}"), "what goes on air in the classic coding");

        let id = format!("<answer-{round}@world.example>");
        let answer = format!(
            "From: bob@world.example\nMessage-ID: {id}\nIn-Reply-To: {}\nReferences: {}\nSubject: Re: Boat\n\nGood, {round}.\n",
            thread.last().unwrap(),
            thread.join(" ")
        );
        let reply = Smtp::connect(gateway.door("smtp")).mail("bob@world.example", "anna@shore.example", &answer);
        assert!(reply.starts_with("250"), "{reply}");
        thread.push(id);
        let arrived = aboard(&station, &format!("Good, {round}."));
        assert_eq!((&arrived["subject"], &arrived["from"]), (&"Re: Boat".into(), &"bob@world.example".into()));
        // At sea the thread is told by the ids of the station.
        assert_eq!(arrived["references"].as_array().unwrap().last(), Some(&shown["message_id"]), "{arrived}");
    }
    assert_eq!(thread.len(), 4);
    assert!(world.on_air().iter().any(|(_, data)| data.as_str() >= "80"), "the second round is compact");
}

#[test]
fn the_subject_stands_once_wherever_a_message_is_shown() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    let sent = write(&station, "Landfall", "We are in.");
    at_the_relay(&world, 0);
    let answer = "From: bob@world.example\nSubject: Re: Landfall\n\nWell done.\n";
    Smtp::connect(gateway.door("smtp")).mail("bob@world.example", "anna@shore.example", answer);
    let arrived = aboard(&station, "Well done.");
    let id = arrived["id"].as_str().unwrap();
    let times = |text: &str| text.matches("Landfall").count();
    let shown = station.cli_ok(&["queue", "show", id], "");
    assert!(times(&shown) == 1 && shown.contains("  Well done."), "{shown}");
    let client = Client::logged_in(&station, "anna");
    for page in [format!("/mailbox/{id}"), format!("/messages/{id}")] {
        let page = client.get(&page).body;
        let (_, text) = page.split_once("<div class=text dir=auto>").unwrap();
        assert_eq!(text.split("</div>").next(), Some("Well done."));
    }
    let file = world.folder.path("anna.tar");
    station.cli_ok(&["people", "export", "anna", file.to_str().unwrap()], "");
    let export = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
    let mbox = export.split("anna/data.json").next().unwrap();
    assert!(mbox.contains("\n\nWe are in.\n") && mbox.contains("\n\nWell done.\n"), "{mbox}");
    assert_eq!(times(mbox), 2, "{mbox}");
    let own = station.json(&["queue", "show", sent[0]["id"].as_str().unwrap()])["message_id"].clone();
    assert!(mbox.contains(&format!("In-Reply-To: {}\n", own.as_str().unwrap())), "{mbox}");
}
