//! Subject and text are two fields at both ends and in everything that leaves, and a thread holds over the air.

use serde_json::Value;

use crate::support::web::Client;
use crate::support::{Imap, SOON, Smtp, Station, World, wait_for};

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
        let reply = Smtp::connect(gateway.listener("smtp")).mail("bob@world.example", "anna@shore.example", &answer);
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
    Smtp::connect(gateway.listener("smtp")).mail("bob@world.example", "anna@shore.example", answer);
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

/// The headers of a mail on board, as a mail program gets it.
fn in_mailbox(station: &Station, text: &str) -> Mail {
    let mut imap = Imap::open(station.listener("imap"), "anna", "INBOX");
    let all = imap.ok("FETCH 1:* BODY.PEEK[]");
    let mail = all.split("BODY[]").find(|mail| mail.contains(text)).unwrap_or_else(|| panic!("no '{text}' in {all}"));
    let (_, mail) = mail.split_once("\r\n").unwrap();
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    Mail(head.replace("\r\n\t", " ").replace("\r\n ", " "), body.to_owned())
}

/// Answers under subjects of their own, from shore and from sea, by a mail program and by the page; one is written from another
/// address of its writer. All in one thread, at the relay and on board, for no packet more.
#[test]
fn an_answer_under_another_subject_is_in_the_thread() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    // The boxes get to know each other.
    write(&station, "Hello", "First words.");
    at_the_relay(&world, 0);
    answer(&gateway, "bob@world.example", "Re: Hello", "", "Known now.");
    aboard(&station, "Known now.");

    write(&station, "Boat", "All is well.");
    let first = at_the_relay(&world, 1).header("Message-ID").to_owned();
    let own = station.messages().into_iter().find(|m| m["body"] == "All is well.").unwrap()["message_id"].clone();
    let before = world.on_air().len() + packets_down(&world);
    answer(&gateway, "bob@home.example", "What about the pump?", &first, "From home.");
    let arrived = aboard(&station, "From home.");
    assert_eq!(arrived["references"].as_array().unwrap().last(), Some(&own), "{arrived}");
    let mail = in_mailbox(&station, "From home.");
    assert_eq!(mail.header("In-Reply-To"), own.as_str().unwrap(), "{}", mail.0);

    // A mail program at sea answers that one, under a third subject.
    let text = format!(
        "From: anna@boat.example\nTo: bob@home.example\nMessage-ID: <at-sea@boat.example>\nIn-Reply-To: {}\nSubject: Pump is new\n\nBy a program.\n",
        mail.header("Message-ID")
    );
    let mut smtp = Smtp::connect(station.listener("submission"));
    smtp.login("anna");
    assert!(smtp.mail("anna@boat.example", "bob@home.example", &text).starts_with("250"));
    let mail = at_the_relay(&world, 2);
    assert_eq!((mail.header("Subject"), mail.header("In-Reply-To")), ("Pump is new", "<from-home@world.example>"));
    assert!(mail.header("References").starts_with(&first), "{}", mail.0);

    // And the page answers the same one, with another subject than it proposes.
    let mut anna = Client::logged_in(&station, "anna");
    let page = format!("/compose?reply={}", arrived["id"].as_str().unwrap());
    let token = anna.token(&page);
    let form = anna.get(&page).body;
    let (_, reply) = form.split_once("name=reply value=\"").unwrap_or_else(|| panic!("{form}"));
    let reply = reply.split('"').next().unwrap();
    let fields = format!("csrf={token}&reply={reply}&do=send&to=bob%40home.example&subject=Oil&text=By+the+page.");
    let sent = anna.form("/compose", &fields, &anna.own());
    assert_eq!(sent.status, 303, "{sent:?}");
    let mail = at_the_relay(&world, 3);
    assert_eq!((mail.header("Subject"), mail.header("In-Reply-To")), ("Oil", "<from-home@world.example>"));
    assert_eq!(world.on_air().len() + packets_down(&world), before + 3, "one packet for each message");
}

/// Long answers under subjects of their own take several packets; each finds its thread, and costs none more for that.
#[test]
fn a_long_answer_under_another_subject_is_in_the_thread() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    write(&station, "Hello", "First words.");
    at_the_relay(&world, 0);
    answer(&gateway, "bob@world.example", "Re: Hello", "", "Known now.");
    let known = aboard(&station, "Known now.");

    let long: String = (0..160_u64).map(|n| format!("{} ", n * n * 7919 % 10_007)).collect();
    let long = long.trim_end();
    let mut anna = Client::logged_in(&station, "anna");
    let page = format!("/compose?reply={}", known["id"].as_str().unwrap());
    let token = anna.token(&page);
    let reply = crate::support::web::hidden(&anna.get(&page).body, "reply");
    let text = long.replace(' ', "+");
    let fields = format!("csrf={token}&reply={reply}&do=send&to=bob%40world.example&subject=Figures&text={text}");
    let up = world.on_air().len();
    assert_eq!(anna.form("/compose", &fields, &anna.own()).status, 303);
    let mail = at_the_relay(&world, 1);
    assert_eq!((mail.header("Subject"), mail.header("In-Reply-To")), ("Figures", "<known-now@world.example>"));
    assert!(world.on_air().len() - up > 1, "it goes in several packets");

    // And back, from an address that the station has not seen.
    let before = packets_down(&world);
    let answered = mail.header("Message-ID").to_owned();
    let mail = format!(
        "From: bob@home.example\nMessage-ID: <more@home.example>\nIn-Reply-To: {answered}\nSubject: More of them\n\n{long} 7\n"
    );
    let reply = Smtp::connect(gateway.listener("smtp")).mail("bob@home.example", "anna@shore.example", &mail);
    assert!(reply.starts_with("250"), "{reply}");
    let arrived = aboard(&station, &format!("{long} 7"));
    let own = station.messages().into_iter().find(|m| m["subject"] == "Figures").unwrap()["message_id"].clone();
    assert_eq!(arrived["references"].as_array().unwrap().last(), Some(&own), "{arrived}");
    assert!(packets_down(&world) - before > 1, "it came in several packets");
}

/// Packets toward the station.
fn packets_down(world: &World) -> usize {
    world.hive_says("messages").iter().filter(|line| line.contains("\"direction\":2")).count()
}

/// Somebody ashore answers a mail.
fn answer(gateway: &Station, from: &str, subject: &str, answered: &str, text: &str) {
    let id = text.trim_end_matches('.').to_lowercase().replace(' ', "-");
    let mail = format!(
        "From: {from}\nMessage-ID: <{id}@world.example>\nIn-Reply-To: {answered}\nReferences: {answered}\nSubject: {subject}\n\n{text}\n"
    );
    let reply = Smtp::connect(gateway.listener("smtp")).mail(from, "anna@shore.example", &mail);
    assert!(reply.starts_with("250"), "{reply}");
}

/// Nobody wrote a subject: nobody gets one, and the answer finds its thread all the same.
#[test]
fn a_message_without_a_subject_leaves_without_one() {
    let world = World::start(&[]);
    let (station, gateway) = (world.station().started(), world.gateway().started());
    for (round, text) in ["Only one line.", "A line\nand another one."].into_iter().enumerate() {
        let sent = write(&station, "", text);
        let mail = at_the_relay(&world, round);
        assert_eq!(mail.header("Subject"), "", "{}", mail.0);
        assert_eq!(mail.1, format!("{}\r\n", text.replace('\n', "\r\n")));
        let said = format!("Answer {round}.");
        answer(&gateway, "bob@world.example", "Re:", mail.header("Message-ID"), &said);
        let own = station.json(&["queue", "show", sent[0]["id"].as_str().unwrap()])["message_id"].clone();
        let arrived = aboard(&station, &said);
        assert_eq!(arrived["references"].as_array().unwrap().last(), Some(&own), "{arrived}");
    }
}
