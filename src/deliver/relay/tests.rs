use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

use super::config::Tls;
use super::*;
use crate::sim::sink::{self, Handle, Options};

mod foreign;

const MAIL: &[u8] = b"From: a@box.example\r\nMessage-ID: <m1@box.example>\r\nSubject: S\r\n\r\nhello\r\n";

fn config(address: SocketAddr) -> RelayConfig {
    RelayConfig {
        host: address.ip().to_string(),
        port: address.port(),
        tls: Tls::None,
        login: None,
        ca: None,
        timeout: Duration::from_secs(5),
        hello: Some("box.example".to_owned()),
    }
}

fn start() -> (Handle, RelayConfig) {
    let sink = sink::start(Options { listen: "127.0.0.1:0".parse().unwrap(), dir: None }).unwrap();
    let config = config(sink.address);
    (sink, config)
}

fn send(relay: &mut Relay, config: &RelayConfig) -> Result<String, Fault> {
    let (from, to) = ("a@box.example".parse().unwrap(), "b@far.example".parse().unwrap());
    relay
        .deliver(config, &from, &to, MAIL, &Reporting::default())
        .map(|taken| taken.reply)
        .map_err(|failure| failure.fault)
}

/// A server that says and hears what a test wants, once.
fn scripted(talk: impl FnOnce(TcpStream) + Send + 'static) -> RelayConfig {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = config(listener.local_addr().unwrap());
    std::thread::spawn(move || talk(listener.accept().unwrap().0));
    config
}

fn hear(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line
}

#[test]
fn messages_arrive_as_they_are_over_one_connection() {
    let (sink, config) = start();
    let mut relay = Relay::new();
    assert_eq!(send(&mut relay, &config).unwrap(), "250 2.0.0 kept");
    let nobody = relay.deliver(
        &config,
        &Address::Nobody,
        &"b@far.example".parse().unwrap(),
        b"X: y\n\n.\n..z",
        &Reporting::default(),
    );
    assert!(nobody.is_ok());
    send(&mut relay, &config).unwrap();
    let mails = sink.mails();
    assert_eq!(mails[0].data, MAIL);
    assert_eq!((mails[0].from.as_str(), &mails[0].to[..]), ("a@box.example", &["b@far.example".to_owned()][..]));
    assert_eq!((mails[1].from.as_str(), &mails[1].data[..]), ("", &b"X: y\r\n\r\n.\r\n..z\r\n"[..]));
    assert_eq!(sink.connections(), 1);
    assert_eq!(sink.commands().iter().filter(|word| *word == "RSET").count(), 2);
    // Other settings mean another connection, and so does one that was idle for long.
    let other = RelayConfig { hello: None, ..config.clone() };
    send(&mut relay, &other).unwrap();
    assert_eq!(sink.connections(), 2);
    assert!(relay.idle().unwrap() <= IDLE_LIMIT);
    relay.kept.as_mut().unwrap().used -= IDLE_LIMIT;
    assert_eq!(relay.idle(), None);
    assert_eq!(relay.idle(), None);
    assert_eq!(sink.commands().iter().filter(|word| *word == "QUIT").count(), 2);
}

#[test]
fn a_kept_connection_that_died_is_replaced() {
    let (sink, config) = start();
    let mut relay = Relay::new();
    send(&mut relay, &config).unwrap();
    sink.fault("code RSET 421 4.3.2 shutting down").unwrap();
    send(&mut relay, &config).unwrap();
    assert_eq!(sink.connections(), 2);
    assert_eq!(sink.mails().len(), 2);
}

#[test]
fn answers_are_judged_by_their_stage() {
    let (sink, mut config) = start();
    config.login = Some(("user".to_owned(), "hush".to_owned()));
    for (fault, kind, words) in [
        ("code GREETING 554 5.7.1 go away", 'O', "554 5.7.1 go away to the greeting"),
        ("code GREETING 421", 'T', "421"),
        ("code EHLO 550", 'O', "no log-in by password here"),
        ("code EHLO 451", 'T', "451"),
        ("code AUTH 535 5.7.8 wrong", 'O', "535 5.7.8 wrong to AUTH; check the relay's log-in"),
        ("code AUTH 454", 'T', "454"),
        ("hide AUTH", 'O', "no log-in"),
        ("code MAIL 550", 'P', "550 simulated to MAIL"),
        ("code MAIL 530", 'O', "530"),
        ("code MAIL 503", 'O', "503"),
        ("code MAIL 452", 'T', "452"),
        ("code RCPT 550 5.1.1 no such user", 'P', "550 5.1.1 no such user to RCPT"),
        ("code RCPT 452 4.2.2 full", 'T', "452 4.2.2 full"),
        ("code RCPT 421", 'T', "421"),
        ("code DATA 554", 'P', "554"),
        ("code DATA 451", 'T', "451"),
        ("code DATA 250", 'T', "does not belong there"),
        ("code END 552 5.3.4 too big", 'P', "552 5.3.4 too big"),
        ("code END 451", 'T', "451"),
    ] {
        sink.fault("clear").unwrap();
        sink.fault(fault).unwrap();
        let mut relay = Relay::new();
        let got = send(&mut relay, &config).unwrap_err();
        let found = match got {
            Fault::Operator(_) => 'O',
            Fault::Temporary(_) => 'T',
            Fault::Permanent(_) => 'P',
        };
        assert_eq!(found, kind, "{fault}: {got}");
        assert!(got.why().contains(words) && !got.why().contains("hush"), "{fault}: {got}");
        assert!(got.why().starts_with(&config.name()), "{got}");
        // A refused message does no harm to the next one on the same connection.
        sink.fault("clear").unwrap();
        send(&mut relay, &config).unwrap();
    }
}

#[test]
fn the_relays_codes_are_kept_as_data() {
    let (sink, config) = start();
    for (answer, code) in [("550 5.1.1 no such user", (550, Some("5.1.1"))), ("452 full", (452, None))] {
        sink.fault(&format!("code RCPT {answer}")).unwrap();
        let (from, to) = ("a@box.example".parse().unwrap(), "b@far.example".parse().unwrap());
        let failure = Relay::new().deliver(&config, &from, &to, MAIL, &Reporting::default()).unwrap_err();
        let found = failure.code.map(|(code, status)| (code, status.map(|status| status.to_string())));
        assert_eq!(found, Some((code.0, code.1.map(str::to_owned))));
        assert!(!failure.unanswered);
    }
}

#[test]
fn a_connection_lost_after_the_dot_is_told_as_such() {
    let (sink, config) = start();
    let mut relay = Relay::new();
    sink.fault("drop-after-dot 1").unwrap();
    let (from, to) = ("a@box.example".parse().unwrap(), "b@far.example".parse().unwrap());
    let failure = relay.deliver(&config, &from, &to, MAIL, &Reporting::default()).unwrap_err();
    assert!(failure.unanswered && failure.fault.why().contains("may have been delivered"), "{failure}");
    send(&mut relay, &config).unwrap();
    let ids: Vec<_> = sink.mails().iter().map(|mail| mail.header("Message-ID").unwrap()).collect();
    assert_eq!(ids, ["<m1@box.example>", "<m1@box.example>"]);
}

#[test]
fn slow_and_mute_relays_hold_nobody() {
    let (sink, mut config) = start();
    config.timeout = Duration::from_millis(300);
    sink.fault("slow 100").unwrap();
    let began = Instant::now();
    let fault = send(&mut Relay::new(), &config).unwrap_err();
    assert!(
        matches!(&fault, Fault::Temporary(why) if why.to_string().contains("no complete answer in 0.3 s at the greeting")),
        "{fault}"
    );
    let mut mute = scripted(|stream| drop(BufReader::new(stream).read_line(&mut String::new())));
    mute.timeout = config.timeout;
    let fault = send(&mut Relay::new(), &mute).unwrap_err();
    assert!(matches!(&fault, Fault::Temporary(why) if why.to_string().contains("no complete answer")), "{fault}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

/// A relay that goes through these answers, one for each line that it hears; what it heard.
fn answering(answers: &[&str]) -> (RelayConfig, std::sync::mpsc::Receiver<String>) {
    let answers: Vec<String> = answers.iter().map(|answer| format!("{answer}\r\n")).collect();
    let (heard, lines) = std::sync::mpsc::channel();
    let config = scripted(move |stream| {
        let mut reader = BufReader::new(stream);
        for answer in answers {
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            // Not every test listens.
            let _ = heard.send(hear(&mut reader).trim_end().to_owned());
        }
        let _ = reader.read_to_end(&mut Vec::new());
    });
    (config, lines)
}

#[test]
fn silence_after_the_dot_is_told_as_such() {
    let (mut config, _) = answering(&["220 x", "250 x", "250 ok", "250 ok", "354 go"]);
    config.timeout = Duration::from_millis(200);
    let (from, to) = ("a@box.example".parse().unwrap(), "b@far.example".parse().unwrap());
    let failure = Relay::new().deliver(&config, &from, &to, MAIL, &Reporting::default()).unwrap_err();
    assert!(failure.unanswered && failure.fault.why().contains("no complete answer"), "{failure}");
}

#[test]
fn a_yes_before_the_end_of_the_text_is_none() {
    let (config, _) = answering(&["220 x", "250 x", "250 ok", "250 ok", "354 go\r\n250 taken"]);
    let (from, to) = ("a@box.example".parse().unwrap(), "b@far.example".parse().unwrap());
    let failure = Relay::new().deliver(&config, &from, &to, MAIL, &Reporting::default()).unwrap_err();
    assert!(
        matches!(&failure.fault, Fault::Temporary(why) if why.to_string().contains("without being asked")),
        "{failure}"
    );
    assert!(!failure.unanswered);
}

#[test]
fn log_ins_are_said_as_they_are_offered() {
    let secret = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let long = "x".repeat(400);
    let login = ["250-x\r\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok", "250 here", "221 bye"];
    let plain = ["250-x\r\n250 AUTH=LOGIN PLAIN", "235 2.7.0 ok", "250 here", "221 bye"];
    let later = ["250-x\r\n250 AUTH PLAIN", "334", "235 ok", "250 here", "221 bye"];
    for (answers, password, lines) in [
        (&login[..], "hush", vec!["AUTH LOGIN".to_owned(), secret("user"), secret("hush")]),
        (&plain[..], "hush", vec![format!("AUTH PLAIN {}", secret("\0user\0hush"))]),
        (&later[..], &long, vec!["AUTH PLAIN".to_owned(), secret(&format!("\0user\0{long}"))]),
    ] {
        let (mut config, heard) = answering(&[&["220 x"], answers].concat());
        config.login = Some(("user".to_owned(), password.to_owned()));
        let check = Relay::new().check(&config);
        assert_eq!(check.fault, None, "{:?}", check.lines);
        assert_eq!(heard.iter().skip(1).take(lines.len()).collect::<Vec<_>>(), lines);
    }
    let (mut config, _) = answering(&["220 x", "250-x\r\n250 AUTH LOGIN", "334", "334", "334 more?"]);
    config.login = Some(("user".to_owned(), "hush".to_owned()));
    let fault = Relay::new().check(&config).fault.unwrap();
    assert!(
        matches!(&fault, Fault::Temporary(why) if why.to_string().contains("more than name and password")),
        "{fault}"
    );
}

#[test]
fn a_relay_without_ehlo_is_told_what_it_lacks() {
    let (mut config, heard) = answering(&["220 x", "502 5.5.1 no such command", "250 x", "250 here"]);
    assert_eq!(Relay::new().check(&config).fault, None);
    assert_eq!(heard.iter().take(3).collect::<Vec<_>>(), ["EHLO box.example", "HELO box.example", "NOOP"]);
    config = answering(&["220 x", "502 5.5.1 no such command", "250 x"]).0;
    config.tls = Tls::Upgraded;
    let fault = Relay::new().check(&config).fault.unwrap();
    assert!(fault.why().contains("STARTTLS") && fault.why().contains("502 5.5.1 no such command"), "{fault}");
}

#[test]
fn commands_go_together_only_where_that_is_offered() {
    let (config, heard) = answering(&["220 x", "250-x\r\n250 PIPELINING", "550 no\r\n503 first MAIL", "250 ok"]);
    let mut relay = Relay::new();
    let fault = send(&mut relay, &config).unwrap_err();
    assert!(matches!(&fault, Fault::Permanent(why) if why.to_string().contains("550 no to MAIL")), "{fault}");
    // The answer to RCPT was not left behind for the next command.
    assert!(relay.kept.as_mut().unwrap().session.reset());
    assert_eq!(
        heard.iter().take(3).collect::<Vec<_>>(),
        ["EHLO box.example", "MAIL FROM:<a@box.example>", "RCPT TO:<b@far.example>"]
    );
}

#[test]
fn a_stop_is_heard_in_every_wait() {
    let (greeted, wait) = std::sync::mpsc::channel();
    let config = scripted(move |stream| {
        let mut reader = BufReader::new(stream);
        reader.get_mut().write_all(b"220 x\r\n").unwrap();
        greeted.send(hear(&mut reader)).unwrap();
        let _ = reader.read_to_end(&mut Vec::new());
    });
    let mut relay = Relay::new();
    let stopper = relay.stopper();
    let stop = std::thread::spawn(move || {
        wait.recv().unwrap();
        stopper.close();
    });
    for _ in 0..2 {
        let fault = send(&mut relay, &config).unwrap_err();
        assert!(matches!(&fault, Fault::Temporary(why) if why.to_string().contains("this box is stopping")), "{fault}");
    }
    stop.join().unwrap();
}

#[test]
fn a_relay_that_talks_without_end_is_cut() {
    let config = scripted(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    let fault = send(&mut Relay::new(), &config).unwrap_err();
    assert!(matches!(&fault, Fault::Temporary(why) if why.to_string().contains("sends without end")), "{fault}");
}

#[test]
fn a_refusal_amid_the_text_is_heard() {
    let config = scripted(|stream| {
        let mut reader = BufReader::new(stream);
        for answer in ["220 x", "250 x", "250 ok", "250 ok", "354 go"] {
            write!(reader.get_mut(), "{answer}\r\n").unwrap();
            hear(&mut reader);
        }
        reader.get_mut().write_all(b"552 5.3.4 too big\r\n").unwrap();
        reader.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
        let _ = std::io::copy(&mut reader.take(100_000), &mut std::io::sink());
    });
    let big = [MAIL, &b"0123456789012345678901234567890123456789\r\n".repeat(100_000)].concat();
    let to = "b@far.example".parse().unwrap();
    let fault = Relay::new()
        .deliver(&config, &"a@box.example".parse().unwrap(), &to, &big, &Reporting::default())
        .unwrap_err()
        .fault;
    assert!(matches!(&fault, Fault::Permanent(why) if why.to_string().contains("552 5.3.4 too big")), "{fault}");
}

#[test]
fn nothing_goes_in_clear_text_where_encryption_is_wanted() {
    let (sink, mut config) = start();
    config.tls = Tls::Upgraded;
    let fault = send(&mut Relay::new(), &config).unwrap_err();
    assert!(matches!(&fault, Fault::Operator(why) if why.to_string().contains("does not offer STARTTLS")), "{fault}");
    config.tls = Tls::Direct;
    config.timeout = Duration::from_secs(1);
    let fault = send(&mut Relay::new(), &config).unwrap_err();
    assert!(matches!(&fault, Fault::Operator(why) if why.to_string().contains("does not speak TLS")), "{fault}");
    let commands = sink.commands();
    assert!(!commands.iter().any(|word| word == "MAIL" || word == "AUTH"), "{commands:?}");
}

#[test]
fn words_slipped_in_behind_starttls_are_noticed() {
    for apart in [false, true] {
        let mut config = scripted(move |stream| {
            let mut reader = BufReader::new(stream);
            reader.get_mut().set_nodelay(true).unwrap();
            reader.get_mut().write_all(b"220 x\r\n").unwrap();
            hear(&mut reader);
            reader.get_mut().write_all(b"250-x\r\n250 STARTTLS\r\n").unwrap();
            hear(&mut reader);
            let evil = b"220-go\r\n220 on\r\n250 evil\r\n";
            let first = if apart { 10 } else { evil.len() };
            reader.get_mut().write_all(&evil[..first]).unwrap();
            let _ = reader.get_mut().write_all(&evil[first..]);
            let _ = reader.read_to_end(&mut Vec::new());
        });
        config.tls = Tls::Upgraded;
        let fault = send(&mut Relay::new(), &config).unwrap_err();
        assert!(matches!(&fault, Fault::Temporary(why) if why.to_string().contains("under attack")), "{fault}");
    }
}

#[test]
fn addresses_beyond_ascii_need_a_relay_that_takes_them() {
    let (sink, config) = start();
    let mut relay = Relay::new();
    let to: Mailbox = "josé@example.com".parse().unwrap();
    let from = "a@box.example".parse().unwrap();
    relay.deliver(&config, &from, &to, "To: josé@example.com\r\n\r\nü\r\n".as_bytes(), &Reporting::default()).unwrap();
    assert_eq!(sink.mails()[0].to, ["josé@example.com"]);
    relay.close();
    sink.fault("hide SMTPUTF8").unwrap();
    let fault = relay.deliver(&config, &from, &to, MAIL, &Reporting::default()).unwrap_err().fault;
    assert!(matches!(&fault, Fault::Permanent(why) if why.to_string().contains("SMTPUTF8")), "{fault}");
    let device = relay.deliver(&config, &"0x001abe".parse().unwrap(), &to, MAIL, &Reporting::default()).unwrap_err();
    assert!(device.fault.is_permanent());
    send(&mut relay, &config).unwrap();
    assert_eq!(sink.connections(), 2);
}

#[test]
fn relays_that_cannot_be_reached_are_temporary() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = config(port);
    let fault = send(&mut Relay::new(), &config).unwrap_err();
    assert!(
        matches!(&fault, Fault::Temporary(why) if why.to_string().contains("no connection to 127.0.0.1:")),
        "{fault}"
    );
    config.host = "no-such-host.invalid".to_owned();
    config.timeout = Duration::from_secs(2);
    let fault = send(&mut Relay::new(), &config).unwrap_err();
    assert!(matches!(&fault, Fault::Temporary(why) if why.to_string().contains("its name was not found")), "{fault}");
}

#[test]
fn the_check_tells_how_far_it_came() {
    let (sink, mut config) = start();
    config.login = Some(("user".to_owned(), "hush".to_owned()));
    let check = Relay::new().check(&config);
    assert_eq!(check.fault, None);
    assert_eq!(check.lines.len(), 4, "{:?}", check.lines);
    assert!(check.lines[1].contains("sink.invalid; the connection is not encrypted"), "{:?}", check.lines);
    sink.fault("code AUTH 535").unwrap();
    let check = Relay::new().check(&config);
    assert_eq!(check.lines.len(), 2);
    assert!(matches!(check.fault, Some(Fault::Operator(_))));
    config.ca = Some(PathBuf::from("/no/such/file"));
    let check = Relay::new().check(&config);
    assert!(matches!(check.fault, Some(Fault::Operator(why)) if why.to_string().contains("relay.ca: /no/such/file")));
    assert!(!sink.commands().iter().any(|word| word == "MAIL"));
}
