use std::io::{BufRead, BufReader, Write};

use super::*;

struct Client(BufReader<TcpStream>);

impl Client {
    fn new(sink: &Handle) -> Self {
        let stream = TcpStream::connect(sink.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends and gives back the last line of the answer; empty when the other side left.
    fn say(&mut self, text: &str) -> String {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 || line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }
}

fn sink(dir: Option<PathBuf>) -> Handle {
    start(Options { listen: "127.0.0.1:0".parse().unwrap(), dir }).unwrap()
}

fn send(client: &mut Client, data: &str) -> String {
    assert!(client.say("MAIL FROM:<a@x.org> SIZE=10\r\n").starts_with("250"));
    assert!(client.say("rcpt to: <b@y.org>\r\n").starts_with("250"));
    assert!(client.say("DATA\r\n").starts_with("354"));
    client.say(&format!("{data}\r\n.\r\n"))
}

#[test]
fn keeps_mails_with_their_envelopes() {
    let dir = std::env::temp_dir().join(format!("satpost-sink-{}", std::process::id()));
    let sink = sink(Some(dir.clone()));
    let mut client = Client::new(&sink);
    assert!(client.answer().starts_with("220"));
    assert!(client.say("EHLO x\r\n").starts_with("250 HELP"));
    assert!(client.say("AUTH PLAIN AGEAYg==\r\n").starts_with("235"));
    let text = "Message-ID: <1@x>\r\nSubject: a\r\n b\r\n\r\n..dot\r\n\n.\r\nend";
    assert!(send(&mut client, text).starts_with("250"));
    let mails = sink.mails();
    assert_eq!((mails[0].from.as_str(), &mails[0].to[..]), ("a@x.org", &["b@y.org".to_owned()][..]));
    assert_eq!(mails[0].header("message-id").as_deref(), Some("<1@x>"));
    assert_eq!(mails[0].header("Subject").as_deref(), Some("a b"));
    assert_eq!(mails[0].body(), b".dot\r\n\n.\r\nend\r\n");
    assert!(client.say("QUIT\r\n").starts_with("221"));
    assert!(std::fs::read_to_string(dir.join("0001.eml")).unwrap().contains("X-Envelope-To: b@y.org\r\n"));
    drop(sink);
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn fails_on_demand() {
    let sink = sink(None);
    let mut client = Client::new(&sink);
    client.answer();
    sink.fault("code RCPT 550 5.1.1 nobody").unwrap();
    client.say("MAIL FROM:<>\r\n");
    assert_eq!(client.say("RCPT TO:<b@y.org>\r\n"), "550 5.1.1 nobody\r\n");
    sink.fault("clear").unwrap();
    client.say("RSET\r\n");
    sink.fault("code END 451").unwrap();
    assert_eq!(send(&mut client, "x"), "451 simulated\r\n");
    sink.fault("clear").unwrap();
    sink.fault("drop-after-dot 1").unwrap();
    assert_eq!(send(&mut client, "x"), "");
    assert_eq!(sink.mails().len(), 1);
    sink.fault("hide SMTPUTF8").unwrap();
    sink.fault("slow 1").unwrap();
    let mut client = Client::new(&sink);
    assert!(client.answer().starts_with("220"));
    sink.fault("close").unwrap();
    assert_eq!(Client::new(&sink).answer(), "");
    for bad in ["", "code RCPT", "code RCPT 5x0", "drop-after-dot x", "slow x", "nonsense"] {
        assert!(sink.fault(bad).unwrap_err().contains("is no fault"), "{bad}");
    }
    assert!(start(Options { listen: "0.0.0.0:0".parse().unwrap(), dir: None }).is_err());
}
