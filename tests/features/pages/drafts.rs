//! What is written on the page is kept while it is written, in the folder Drafts of the one who writes, and sent once.

use crate::support::web::{Answer, Client, hidden};
use crate::support::{Folder, Imap, Station};

fn house(folder: &Folder) -> Station {
    Station::new(folder, "house", &[("box.domain", "boat.example")], &["anna", "bert", "cleo"]).started()
}

/// The form of a page, as a script or a button sends it.
fn form(page: &str, fields: &[(&str, &str)]) -> String {
    let own = [("csrf", hidden(page, "csrf")), ("once", hidden(page, "once"))];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(own).extend_pairs(fields).finish()
}

/// The mails in a folder, whole.
fn mails(station: &Station, person: &str, folder: &str) -> Vec<String> {
    let mut imap = Imap::open(station.listener("imap"), person, folder);
    let uids = imap.uids();
    uids.into_iter().map(|uid| String::from_utf8(imap.fetch(uid, "")).unwrap()).collect()
}

#[test]
fn a_draft_is_one_mail_in_drafts_until_its_form_is_sent() {
    let folder = Folder::new();
    let station = house(&folder);
    let bert = Client::logged_in(&station, "bert");
    let page = bert.get("/compose").body;
    let keep = |client: &Client, text: &str| {
        client.form(
            "/drafts",
            &form(&page, &[("to", "anna, +1 415"), ("subject", "T\u{fc}de"), ("text", text), ("by", "2h")]),
            &client.own(),
        )
    };
    for text in ["High", "High water", "High water at\r\n  noon"] {
        let answer = keep(&bert, text);
        assert_eq!((answer.status, answer.body.starts_with("Kept as a draft at ")), (200, true), "{answer:?}");
    }
    let drafts = mails(&station, "bert", "Drafts");
    assert_eq!(drafts.len(), 1, "{drafts:?}");
    assert!(drafts[0].contains("High water at\r\n  noon"), "{drafts:?}");
    assert!(mails(&station, "bert", "INBOX").is_empty() && station.messages().is_empty());

    // Whoever opens it again finds it as it was; nobody else finds it.
    let once = hidden(&page, "once");
    let again = bert.get(&format!("/compose?draft={once}")).body;
    for part in ["value=\"anna, +1 415\"", "T\u{fc}de", "High water at\n  noon</textarea>", "value=\"2h\""] {
        assert!(again.contains(part), "{part}: {again}");
    }
    assert_eq!(hidden(&again, "once"), once);
    assert!(bert.get("/mailbox?folder=3").body.contains("compose?draft="));
    assert_eq!(Client::logged_in(&station, "cleo").get(&format!("/compose?draft={once}")).status, 404);

    // Sent, it is done with; a version that comes late does not bring it back.
    let sent =
        bert.form("/compose", &form(&page, &[("to", "anna"), ("text", "High water"), ("do", "send")]), &bert.own());
    assert_eq!(sent.status, 303, "{sent:?}");
    assert!(mails(&station, "bert", "Drafts").is_empty());
    assert_eq!(keep(&bert, "High water, late").status, 205);
    assert!(mails(&station, "bert", "Drafts").is_empty());
    assert_eq!(bert.get(&format!("/compose?draft={once}")).status, 404);
    station.totals_balance();
}

#[test]
fn without_a_script_what_is_not_sent_is_a_draft_as_well() {
    let folder = Folder::new();
    let station = house(&folder);
    let bert = Client::logged_in(&station, "bert");
    let page = bert.get("/compose").body;
    let post = |fields: &[(&str, &str)]| bert.form("/compose", &form(&page, fields), &bert.own());
    let looked = post(&[("to", "anna"), ("text", "One"), ("do", "preview")]);
    assert!(looked.status == 200 && looked.body.contains("Kept as a draft."), "{looked:?}");
    assert_eq!(mails(&station, "bert", "Drafts").len(), 1);
    let refused = post(&[("to", "nobody here"), ("text", "Two"), ("do", "send")]);
    assert_eq!(refused.status, 422);
    let kept = post(&[("text", "Three"), ("do", "draft")]);
    assert_eq!((kept.status, kept.header("location")), (303, "/mailbox?folder=3"), "{kept:?}");
    let drafts = mails(&station, "bert", "Drafts");
    assert!(drafts.len() == 1 && drafts[0].contains("Three"), "{drafts:?}");
    // All of it taken out again is no draft.
    assert_eq!(post(&[("text", " "), ("do", "draft")]).status, 200);
    assert!(mails(&station, "bert", "Drafts").is_empty());
    // Nobody keeps one without a log-in, or for somebody else's page.
    let other = Client::logged_in(&station, "cleo");
    assert_eq!(other.form("/drafts", &form(&page, &[("text", "mine")]), &other.own()).status, 403);
    assert_eq!(Client::new(&station).form("/drafts", &form(&page, &[("text", "mine")]), &bert.own()).status, 401);
    assert!(mails(&station, "bert", "Drafts").is_empty() && mails(&station, "cleo", "Drafts").is_empty());
}

#[test]
fn a_draft_of_a_mail_program_goes_on_here_and_takes_its_place() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut imap = Imap::open(station.listener("imap"), "bert", "INBOX");
    let mail = |id: u32, more: &str| {
        format!(
            "From: bert@boat.example\r\nTo: Anna <anna@boat.example>\r\nSubject: Begun\r\nMessage-ID: <{id}@pc>\r\n{more}\r\nOn the boat\r\n"
        )
    };
    imap.append("Drafts (\\Draft \\Seen)", mail(1, "").as_bytes());
    let files = "MIME-Version: 1.0\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Disposition: attachment; filename=x.pdf\r\n";
    imap.append("Drafts (\\Draft)", mail(2, files).as_bytes());
    let bert = Client::logged_in(&station, "bert");
    let page = bert.get("/compose?draft=1").body;
    assert!(page.contains("&quot;Anna&quot; &lt;anna@boat.example&gt;") && page.contains("On the boat"), "{page}");
    // One with files stays with the mail program.
    assert_eq!(bert.get("/compose?draft=2").header("location"), "/mailbox/3/2");
    let begun = hidden(&page, "begun");
    let fields = [("begun", begun.as_str()), ("to", "anna"), ("text", "On the boat, still")];
    assert_eq!(bert.form("/drafts", &form(&page, &fields), &bert.own()).status, 200);
    let drafts = mails(&station, "bert", "Drafts");
    assert_eq!(drafts.len(), 2, "{drafts:?}");
    assert!(drafts[1].contains("On the boat, still") && drafts[0].contains("x.pdf"), "{drafts:?}");
}

/// Released once, whatever is pressed how often; what the sender wrote meanwhile is not released unseen.
#[test]
fn a_button_that_spends_and_is_pressed_twice_spends_once() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut anna = Client::logged_in(&station, "anna");
    let kept = anna.post("/compose", "to=bob%40world.example&text=Hello&do=send");
    let place = kept.header("location").to_owned();
    let press = |anna: &Client, action: &str, page: &str| -> Answer {
        anna.form(&format!("{place}/{action}"), &form(page, &[]), &anna.own())
    };
    let page = anna.get(&place).body;
    assert_eq!(press(&anna, "hold", &page).status, 303);
    let held = anna.get(&place).body;
    assert_ne!(hidden(&held, "once"), hidden(&page, "once"), "another state is another form");
    for _ in 0..2 {
        let answer = press(&anna, "release", &held);
        assert_eq!((answer.status, answer.header("location")), (303, place.as_str()), "{answer:?}");
    }
    assert!(anna.get(&place).body.contains("That was done already."));
    station.totals_balance();
}

/// A draft remembers what it answers: its thread and its quotation, here and in a mail program, also when what it answers is gone.
#[test]
fn a_draft_that_answers_is_opened_as_an_answer() {
    let folder = Folder::new();
    let station = house(&folder);
    let mut anna = Client::logged_in(&station, "anna");
    let first = |subject: &str| {
        let all = station.messages();
        let found = all.into_iter().find(|message| message["subject"] == subject);
        found.unwrap_or_else(|| panic!("no message '{subject}'"))
    };
    for subject in ["Tide", "Wind"] {
        assert_eq!(anna.post("/compose", &format!("to=bert&subject={subject}&text=High+water%3F&do=send")).status, 303);
    }
    let bert = Client::logged_in(&station, "bert");
    let sent = |page: &str, fields: &[(&str, &str)]| bert.form("/compose", &form(page, fields), &bert.own());
    let (tide, wind) = (first("Tide"), first("Wind"));
    let page = bert.get(&format!("/compose?reply={}", tide["id"].as_str().unwrap())).body;
    let reply = hidden(&page, "reply");
    let begun = [("reply", reply.as_str()), ("to", "anna"), ("subject", "Noon"), ("text", "At noon."), ("do", "draft")];
    assert_eq!(sent(&page, &begun).status, 303);
    let draft = mails(&station, "bert", "Drafts").remove(0);
    assert!(draft.contains(&format!("In-Reply-To: {}", tide["message_id"].as_str().unwrap())), "{draft}");

    // Opened again it quotes, and goes into the thread under its own subject.
    let again = bert.get(&format!("/compose?draft={}", hidden(&page, "once"))).body;
    assert_eq!(hidden(&again, "reply"), reply);
    let fields =
        [("reply", reply.as_str()), ("to", "anna"), ("subject", "Noon"), ("text", "At noon."), ("do", "quote")];
    let quoted = sent(&again, &fields).body;
    assert!(quoted.contains("&gt; High water?"), "{quoted}");
    let fields = [("reply", reply.as_str()), ("to", "anna"), ("subject", "Noon"), ("text", "At noon."), ("do", "send")];
    assert_eq!(sent(&again, &fields).status, 303);
    assert_eq!(first("Noon")["references"].as_array().unwrap().last(), Some(&tide["message_id"]));

    // One that a mail program began, and the page only goes on with.
    let wind = wind["message_id"].as_str().unwrap();
    let mail = format!(
        "From: bert@boat.example\r\nTo: anna@boat.example\r\nSubject: Gusts\r\nMessage-ID: <7@pc>\r\nIn-Reply-To: {wind}\r\n\
         References: {wind}\r\n\r\nSeven\r\n"
    );
    Imap::open(station.listener("imap"), "bert", "INBOX").append("Drafts (\\Draft \\Seen)", mail.as_bytes());
    let uid = {
        let mut imap = Imap::open(station.listener("imap"), "bert", "Drafts");
        imap.uids().pop().unwrap()
    };
    let page = bert.get(&format!("/compose?draft={uid}")).body;
    let begun = hidden(&page, "begun");
    for (what, status) in [("preview", 200), ("send", 303)] {
        let fields = [("begun", &*begun), ("to", "anna"), ("subject", "Gusts"), ("text", "Seven, still"), ("do", what)];
        assert_eq!(sent(&page, &fields).status, status);
    }
    assert_eq!(first("Gusts")["references"].as_array().unwrap().last(), Some(&wind.into()));
    assert!(mails(&station, "bert", "Drafts").is_empty());
    station.totals_balance();
}
