//! Postfix before two gateways that share a mail domain: mail for the people of each, and a far box that moves from one to the
//! other while mail comes.

use super::machine::MailServer;
use crate::support::{Folder, PASSWORD, SOON, Station, lasting_port, send, wait_for};

const BOB: &str = "bob@world.example";

fn gateway(folder: &Folder, name: &str, port: u16, server: Option<&MailServer>) -> Station {
    let listen = format!("127.0.0.1:{port}");
    let (host, relay) = server.map_or((String::new(), "25".to_owned()), |server| (server.host(), server.port()));
    let settings = [
        ("box.name", name),
        ("box.domain", "shore.example"),
        ("box.shared_domain", "yes"),
        ("box.reach", "internet"),
        ("smtp.listen", listen.as_str()),
        ("link.driver", "ip"),
        ("ip.listen", "127.0.0.1:0"),
        ("air.strangers", "allow"),
        ("relay.host", host.as_str()),
        ("relay.port", relay.as_str()),
        ("relay.tls", "none"),
        ("queue.retry_first", "1"),
        ("queue.retry_most", "1"),
    ];
    Station::new(folder, name, &settings, &[&format!("owner-{name}")]).started()
}

fn boat(folder: &Folder, name: &str, person: &str) -> Station {
    let domain = format!("{name}.example");
    let settings = [("box.name", name), ("box.domain", &domain), ("box.reach", "satellite"), ("link.driver", "ip")];
    Station::new(folder, name, &settings, &[person]).started()
}

/// The station calls a gateway, where it is the far box of its name.
fn calls(boat: &Station, gateway: &Station, name: &str) {
    let code = gateway.cli_ok(&["pair", "new", "--far-box", name], "");
    boat.cli_ok(&["pair", "join", &gateway.listener("ip").to_string(), code.trim()], "");
}

/// How many mails of this subject are in the mailboxes of a boat.
fn count(boat: &Station, subject: &str) -> usize {
    boat.messages().iter().filter(|message| message["subject"] == subject && message["way"] == "mailbox").count()
}

fn wait_count(boat: &Station, subject: &str) {
    wait_for(&format!("'{subject}' on the boat"), 2 * SOON, || (count(boat, subject) > 0).then_some(()));
}

fn mail(server: &MailServer, to: &str, subject: &str) -> String {
    server.connect().mail(BOB, to, &format!("From: Bob <{BOB}>\nSubject: {subject}\n\nThis is {subject}.\n"))
}

fn wait_taken(server: &MailServer, to: &str, subject: &str) {
    // A server that asks first says "later" while it waits for the answer.
    wait_for(&format!("{subject} to be taken"), SOON, || {
        let reply = mail(server, to, subject);
        assert!(reply.starts_with("250") || reply.starts_with("450"), "{reply}");
        reply.starts_with("250").then_some(())
    });
}

#[test]
#[ignore = "needs root, and Postfix in the root that tests/run makes"]
fn root_postfix_before_two_gateways() {
    let folder = Folder::new();
    let ports = [lasting_port(), lasting_port()];
    let by = |vera: usize, nora: usize| {
        let to = |at: usize| format!("smtp:[127.0.0.1]:{}", ports[at]);
        format!("vera@shore.example {}\nnora@shore.example {}\nshore.example {}\n", to(vera), to(nora), to(0))
    };
    let server = MailServer::in_front(&folder, &by(0, 1));
    let first = gateway(&folder, "first", ports[0], Some(&server));
    let second = gateway(&folder, "second", ports[1], Some(&server));
    let (vela, nautilus) = (boat(&folder, "vela", "vera"), boat(&folder, "nautilus", "nora"));
    for (gateway, name, person) in [(&first, "vela", "vera"), (&second, "nautilus", "nora")] {
        gateway.cli_ok(&["far-box", "add", name], "");
        gateway.cli_ok(&["people", "add", person, "--far-box", name], PASSWORD);
    }
    calls(&vela, &first, "vela");
    calls(&nautilus, &second, "nautilus");

    // To a person of each; a name that no gateway knows is refused before the mail goes.
    wait_taken(&server, "vera@shore.example", "one");
    wait_taken(&server, "nora@shore.example", "two");
    wait_count(&vela, "one");
    wait_count(&nautilus, "two");
    let refused = wait_for("a word about nemo", SOON, || {
        Some(mail(&server, "nemo@shore.example", "nobody")).filter(|reply| !reply.starts_with("450"))
    });
    assert!(refused.starts_with("550") && refused.contains("there is no person nemo here"), "{refused}");
    // From a boat of one to a boat of the other.
    let greeting = "From: vera@vela.example\nSubject: three\n\nAhoy.\n";
    assert!(send(&vela, Some("vera"), "vera@vela.example", "nora@shore.example", greeting).starts_with("250"));
    wait_count(&nautilus, "three");

    // The boat is out of reach when it moves: a mail waits for it, and one comes meanwhile.
    let mut vela = vela;
    vela.stop();
    wait_taken(&server, "vera@shore.example", "four");
    wait_for("the mail at the first gateway", SOON, || {
        first.waiting().into_iter().find(|message| message["subject"] == "four")
    });
    let file = folder.path("vela.moved");
    let file = file.to_str().unwrap();
    first.cli_ok(&["far-box", "move-out", "vela", file], "");
    wait_taken(&server, "vera@shore.example", "five");
    wait_for("the server to hear that she has moved", SOON, || server.log().contains("vera has moved").then_some(()));
    second.cli_ok(&["far-box", "move-in", file], "");
    server.reach_by(&by(1, 1));
    vela.start();
    calls(&vela, &second, "vela");
    for subject in ["four", "five"] {
        wait_count(&vela, subject);
    }
    first.cli_ok(&["far-box", "remove", "vela"], "");
    wait_taken(&server, "vera@shore.example", "six");
    wait_count(&vela, "six");
    // What the first one's own people write to her finds her.
    let mail = "From: owner-first@shore.example\nSubject: seven\n\nAre you there?\n";
    let reply = send(&first, Some("owner-first"), "owner-first@shore.example", "vera@shore.example", mail);
    assert!(reply.starts_with("250"), "{reply}");
    wait_count(&vela, "seven");
    for subject in ["one", "four", "five", "six", "seven"] {
        assert_eq!(count(&vela, subject), 1, "{subject}");
    }
    for subject in ["two", "three"] {
        assert_eq!(count(&nautilus, subject), 1, "{subject}");
    }
    for place in [&first, &second, &vela, &nautilus] {
        place.totals_balance();
    }
}
