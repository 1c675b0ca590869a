//! What a person expects of a mailbox: search, answers with what they quote, forwarding, whom one knows, files.

use crate::support::shore::from_outside;
use crate::support::web::{Client, hidden};
use crate::support::{Folder, Imap, SOON, Smtp, Station};

const FROM_BOB: &str = "From: Bob Harbour <bob@world.example>\r\nTo: Anna <anna@boat.example>, Cook <cook@boat.example>\r\n\
    Reply-To: office@world.example\r\nSubject: =?utf-8?q?Liegepl=C3=A4tze?=\r\nMessage-ID: <1@world.example>\r\n\
    Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nTwo places are free.\r\nOne is at the Eastern quay.\r\n--b\r\n\
    Content-Type: text/plain; name=\"prices.txt\"\r\nContent-Disposition: attachment; filename=\"prices.txt\"\r\n\r\nNine a night.\r\n--b--\r\n";

/// A station whose link costs money; nobody has plugged its modem in.
fn boat(folder: &Folder) -> Station {
    let settings = [
        ("box.domain", "boat.example"),
        ("box.reach", "satellite"),
        ("link.driver", "m138"),
        ("m138.port", "/nowhere/modem"),
        ("link.price", "0.07"),
        ("price.currency", "EUR"),
    ];
    Station::new(folder, "boat", &settings, &["anna", "bert"]).started()
}

/// A mail lies in a folder of a person.
fn lies(station: &Station, person: &str, folder: &str, mail: &str) {
    Imap::open(station.listener("imap"), person, "INBOX").append(folder, mail.as_bytes());
}

fn plain(page: &str) -> String {
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&#x27;", "'"), ("&#x2f;", "/"), ("&quot;", "\""), ("&amp;", "&")];
    marks.iter().fold(page.to_owned(), |page, (from, to)| page.replace(from, to))
}

#[test]
fn a_search_finds_what_is_in_any_folder_and_nobody_elses() {
    let folder = Folder::new();
    let settings = [("box.domain", "boat.example"), ("box.reach", "internet"), ("relay.host", "localhost")];
    let station = Station::new(&folder, "house", &settings, &["anna", "bert"]).started();
    for number in 1..=12 {
        let mail = format!("From: Mum <mum@world.example>\nSubject: Week {number}\n\nThe garden in week {number}.\n");
        assert!(from_outside(&station, "anna@boat.example", &mail).starts_with("250"));
    }
    assert!(from_outside(&station, "bert@boat.example", "Subject: Secret\n\nOf another garden.\n").starts_with("250"));
    lies(&station, "anna", "Archive", FROM_BOB);
    lies(
        &station,
        "anna",
        "Sent",
        "From: anna@boat.example\r\nTo: mum@world.example\r\nSubject: Yes\r\n\r\nWater my garden!\r\n",
    );
    let anna = Client::logged_in(&station, "anna");
    let found = |words: &str| {
        let answer = anna.get(&format!("/mailbox?q={words}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        plain(&answer.body)
    };
    let all = found("GARDEN");
    assert!(all.contains(">Week 12<") && all.contains(">Week 3<") && all.contains(">Yes<"), "{all}");
    assert!(!all.contains(">Week 2<") && !all.contains("Secret"), "ten of a folder at first: {all}");
    // The rest of it is one tap away, from where the first ended.
    let more = all.split("href=\"").find(|link| link.starts_with("/mailbox?q=") && link.contains("before=")).unwrap();
    let rest = plain(&anna.get(more.split('"').next().unwrap()).body);
    assert!(
        rest.contains(">Week 2<") && rest.contains(">Week 1<") && !rest.contains(">Week 3<") && !rest.contains(">Yes<"),
        "{rest}"
    );
    // In texts, subjects and addresses, however they are written there; decoded words as they are read.
    for (words, subject) in [
        ("eastern+quay", "Liegepl\u{e4}tze"),
        ("liegepl%C3%84tze", "Liegepl\u{e4}tze"),
        ("Bob+Harbour", "Liegepl\u{e4}tze"),
        ("office%40world", "Liegepl\u{e4}tze"),
        ("ya", "Week"),
        ("es", "Yes"),
    ] {
        let page = found(words);
        assert_eq!(page.contains(subject), words != "ya", "{words}: {page}");
    }
    assert!(found("no-such-word").contains("Nothing in your mailbox has these words"));
    assert!(!anna.get("/mailbox?q=%3Cscript%3Ealert(1)%3C/script%3E").body.contains("<script>alert"));
    assert_eq!(anna.get("/mailbox?q=garden&folder=99").status, 404);
    assert!(!plain(&Client::logged_in(&station, "bert").get("/mailbox?q=garden").body).contains("Week"));
}

#[test]
fn an_answer_quotes_when_asked_and_says_what_that_costs() {
    let folder = Folder::new();
    let station = boat(&folder);
    lies(&station, "anna", "INBOX", FROM_BOB);
    let mut anna = Client::logged_in(&station, "anna");
    // Names stand beside addresses, and answers go where they are wanted.
    let mail = plain(&anna.get("/mailbox/1/1").body);
    for words in [
        "Bob Harbour <bob@world.example>",
        "Cook <cook@boat.example>",
        "wants answers at <bdi>office@world.example",
        "Two places are free.",
    ] {
        assert!(mail.contains(words), "{words}: {mail}");
    }
    let form = plain(&anna.get("/compose?reply=1-1").body);
    assert!(
        form.contains("value=\"office@world.example\"") && form.contains("value=\"Re: Liegepl\u{e4}tze\""),
        "{form}"
    );
    assert!(!form.contains("Two places"), "nothing is quoted that nobody asked for: {form}");
    let button = form.split("value=quote").nth(1).and_then(|rest| rest.split("</button>").next()).unwrap();
    assert!(button.contains(" bytes, ") && button.contains("EUR in all"), "{button}");
    let reply = hidden(&form, "reply");
    let token = anna.token("/compose?reply=1-1");
    let body = |what: &str, text: &str| {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", token.as_str()), ("once", &hidden(&form, "once")), ("reply", &reply)])
            .extend_pairs([
                ("to", "office@world.example"),
                ("subject", "Re: Liegepl\u{e4}tze"),
                ("text", text),
                ("do", what),
            ])
            .finish()
    };
    let quoted = plain(&anna.form("/compose", &body("quote", "We come."), &anna.own()).body);
    let text = quoted.split("<textarea").nth(1).and_then(|rest| rest.split("</textarea>").next()).unwrap();
    assert!(
        text.contains("We come.") && text.contains("> Two places are free.") && text.contains("> One is at"),
        "{text}"
    );
    assert!(text.contains("Bob Harbour <bob@world.example>, "), "who wrote it when: {text}");
    // What is sent is what stood there, in its thread.
    let sent = anna.form("/compose", &body("send", "We come.\n\n> Two places are free."), &anna.own());
    assert_eq!(sent.status, 303, "{sent:?}");
    let message = station.messages().pop().unwrap();
    assert_eq!(message["to"], "office@world.example", "{message}");
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("We come.") && text.contains("> Two places are free."), "{message}");
}

#[test]
fn a_mail_is_passed_on_with_who_wrote_it_and_its_file_is_opened_and_saved() {
    let folder = Folder::new();
    let station = boat(&folder);
    lies(&station, "anna", "INBOX", FROM_BOB);
    let mut anna = Client::logged_in(&station, "anna");
    let form = plain(&anna.get("/compose?forward=1-1").body);
    for words in
        ["value=\"Fwd: Liegepl\u{e4}tze\"", "From: Bob Harbour <bob@world.example>", "One is at the Eastern quay."]
    {
        assert!(form.contains(words), "{words}: {form}");
    }
    let text =
        form.split("<textarea").nth(1).and_then(|rest| rest.split_once('>')?.1.split("</textarea>").next()).unwrap();
    let token = anna.token("/compose?forward=1-1");
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("csrf", token.as_str()), ("once", &hidden(&form, "once"))])
        .extend_pairs([("to", "Bert <bert@boat.example>"), ("subject", "Fwd: x"), ("text", text), ("do", "send")])
        .finish();
    assert_eq!(anna.form("/compose", &body, &anna.own()).status, 303);
    station.wait_state(SOON, "bert@boat.example", "delivered");
    let bert = Client::logged_in(&station, "bert");
    let list = plain(&bert.get("/mailbox").body);
    let place = list.split("href=\"").find(|link| link.starts_with("/mailbox/m")).unwrap().split('"').next().unwrap();
    assert!(plain(&bert.get(place).body).contains("One is at the Eastern quay."));
    // The file of a mail in a folder.
    let opened = anna.get("/mailbox/1/1/files/1?open=1");
    assert_eq!((opened.status, opened.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert!(
        opened.body.contains("Nine a night.") && opened.header("content-disposition").starts_with("inline"),
        "{opened:?}"
    );
    assert!(
        anna.get("/mailbox/1/1/files/1")
            .header("content-disposition")
            .starts_with("attachment; filename=\"prices.txt\"")
    );
    assert_eq!(anna.get("/mailbox/1/1/files/2").status, 404);
    assert_eq!(bert.get("/mailbox/1/2/files/1").status, 404, "somebody else has no such mail");
    let raw = anna.get("/mailbox/1/1.eml");
    assert!(raw.body.contains("filename=\"prices.txt\""), "{raw:?}");
}

/// Whom I wrote to, and who wrote to me, is offered by name while I type; nobody sees whom others know.
#[test]
fn whom_one_knows_is_offered_while_one_types() {
    let folder = Folder::new();
    let station = boat(&folder);
    lies(&station, "anna", "INBOX", FROM_BOB);
    let mut smtp = Smtp::connect(station.listener("submission"));
    smtp.login("anna");
    let mail = "From: anna@boat.example\nTo: Aunt Mary <mary@far.example>\nSubject: Hello\n\nFrom sea.\n";
    assert!(smtp.mail("anna@boat.example", "mary@far.example", mail).starts_with("250"));
    let offered = |who: &str| {
        let page = plain(&Client::logged_in(&station, who).get("/compose").body);
        let list = page.split("<datalist id=people>").nth(1).and_then(|rest| rest.split("</datalist>").next()).unwrap();
        list.to_owned()
    };
    let annas = offered("anna");
    for known in ["Aunt Mary <mary@far.example>", "Bob Harbour <bob@world.example>", "bert@boat.example"] {
        assert!(annas.contains(known), "{known}: {annas}");
    }
    let berts = offered("bert");
    assert!(berts.contains("anna@boat.example") && !berts.contains("mary@") && !berts.contains("bob@"), "{berts}");
    // What is chosen from there is understood as it stands.
    let mut anna = Client::logged_in(&station, "anna");
    let answer = anna.post("/compose", "to=Aunt+Mary+%3Cmary%40far.example%3E%2C+bert&text=To+both&do=send");
    assert_eq!(answer.status, 303, "{answer:?}");
    let to: Vec<_> = station.messages().into_iter().rev().take(2).map(|message| message["to"].to_string()).collect();
    assert!(to.iter().any(|to| to.contains("mary@far.example")) && to.iter().any(|to| to.contains("bert@")), "{to:?}");
}
