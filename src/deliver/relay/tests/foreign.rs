//! The relay client against a mail server that others wrote.

use std::sync::{Arc, Mutex};

use mailin_embedded::response::{INVALID_CREDENTIALS, OK};
use mailin_embedded::{AuthMechanism, Handler, Response, Server, SslConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;

type Mails = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

#[derive(Clone)]
struct Keeper {
    mails: Mails,
    current: (String, Vec<u8>),
}

impl Handler for Keeper {
    fn data_start(&mut self, _domain: &str, from: &str, _is8bit: bool, _to: &[String]) -> Response {
        self.current = (from.to_owned(), Vec::new());
        OK
    }

    fn data(&mut self, buf: &[u8]) -> std::io::Result<()> {
        self.current.1.extend_from_slice(buf);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.mails.lock().unwrap().push(self.current.clone());
        OK
    }

    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        if (user, password) == ("user", "hush") { OK } else { INVALID_CREDENTIALS }
    }
}

/// A folder with `ca.pem`, `cert.pem` and `key.pem` for localhost.
fn certificates(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("satpost-relay-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    for (file, pem) in [("ca.pem", authority.pem()), ("cert.pem", leaf.pem()), ("key.pem", key.serialize_pem())] {
        std::fs::write(dir.join(file), pem).unwrap();
    }
    dir
}

/// The server has no way to stop; it ends with the test process.
fn serve(tls: Option<&PathBuf>) -> (Mails, RelayConfig) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(listener.local_addr().unwrap());
    let mails = Mails::default();
    let mut server = Server::new(Keeper { mails: Arc::clone(&mails), current: Default::default() });
    server.with_name("foreign.example").with_tcp_listener(listener);
    if let Some(dir) = tls {
        // Two providers are compiled in for tests; the program itself installs its own first thing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let path = |file: &str| dir.join(file).to_str().unwrap().to_owned();
        let ssl = SslConfig::SelfSigned { cert_path: path("cert.pem"), key_path: path("key.pem") };
        server.with_ssl(ssl).unwrap().with_auth(AuthMechanism::Plain);
        config.host = "localhost".to_owned();
        config.tls = Tls::Upgraded;
        config.ca = Some(dir.join("ca.pem"));
        config.login = Some(("user".to_owned(), "hush".to_owned()));
    }
    std::thread::spawn(move || drop(server.serve()));
    (mails, config)
}

#[test]
fn encrypted_and_logged_in() {
    let dir = certificates("right");
    let (mails, config) = serve(Some(&dir));
    let check = Relay::new().check(&config);
    assert_eq!(check.fault, None, "{:?}", check.lines);
    assert!(check.lines[1].ends_with("the connection is encrypted."), "{:?}", check.lines);
    send(&mut Relay::new(), &config).unwrap();
    assert_eq!(*mails.lock().unwrap(), [("a@box.example".to_owned(), MAIL.to_vec())]);

    let wrong = RelayConfig { login: Some(("user".to_owned(), "guess".to_owned())), ..config.clone() };
    let fault = send(&mut Relay::new(), &wrong).unwrap_err();
    assert!(matches!(&fault, Fault::Operator(why) if why.to_string().contains("log-in")), "{fault}");

    for stranger in [RelayConfig { ca: None, ..config.clone() }, RelayConfig { host: "127.0.0.1".to_owned(), ..config }]
    {
        let fault = send(&mut Relay::new(), &stranger).unwrap_err();
        assert!(matches!(&fault, Fault::Operator(why) if why.to_string().contains("not trusted")), "{fault}");
    }
    assert_eq!(mails.lock().unwrap().len(), 1);
    std::fs::remove_dir_all(dir).unwrap();
}

/// Why this server can be no part of the product, first: it takes no bounces.
#[test]
fn it_refuses_the_null_sender() {
    let (mails, config) = serve(None);
    let to = "b@far.example".parse().unwrap();
    let fault = Relay::new().deliver(&config, &Address::Nobody, &to, MAIL, &Reporting::default()).unwrap_err().fault;
    assert!(
        matches!(&fault, Fault::Permanent(why) if why.to_string().contains("answered 500") && why.to_string().contains("MAIL")),
        "{fault}"
    );
    assert!(mails.lock().unwrap().is_empty());
}

/// And second: it ends a text at LF, dot, CRLF, and reads what follows as commands. Our client never sends that.
#[test]
fn it_can_be_smuggled_through_but_not_by_us() {
    const EVIL: &str = "S: x\r\n\r\nhello\n.\r\nMAIL FROM:<evil@x.org>\r\nRCPT TO:<b@y.org>\r\nDATA\r\nevil\r\n";
    let (mails, config) = serve(None);
    let mut reader = BufReader::new(TcpStream::connect((config.host.as_str(), config.port)).unwrap());
    hear(&mut reader);
    for line in ["HELO x", "MAIL FROM:<a@x.org>", "RCPT TO:<b@y.org>", "DATA"] {
        write!(reader.get_mut(), "{line}\r\n").unwrap();
        hear(&mut reader);
    }
    write!(reader.get_mut(), "{EVIL}.\r\nQUIT\r\n").unwrap();
    reader.read_to_end(&mut Vec::new()).unwrap();
    let senders = || mails.lock().unwrap().iter().map(|(from, _)| from.clone()).collect::<Vec<_>>();
    assert_eq!(senders(), ["a@x.org", "evil@x.org"], "the fault is gone: say so where it is documented");

    let to = "b@far.example".parse().unwrap();
    Relay::new()
        .deliver(&config, &"a@box.example".parse().unwrap(), &to, EVIL.as_bytes(), &Reporting::default())
        .unwrap();
    assert_eq!(senders(), ["a@x.org", "evil@x.org", "a@box.example"]);
    assert_eq!(mails.lock().unwrap()[2].1, crate::deliver::compose::crlf(EVIL.as_bytes()));
}

/// A server that speaks TLS from the first byte, as on port 465.
#[test]
fn encrypted_from_the_first_byte() {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let dir = certificates("direct");
    let certificate = CertificateDer::from_pem_file(dir.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = Arc::new(tls.with_single_cert(vec![certificate], key).unwrap());
    let (heard, commands) = std::sync::mpsc::channel();
    let mut config = scripted(move |stream| {
        let connection = rustls::ServerConnection::new(tls).unwrap();
        let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
        for answer in ["220 x", "250 x", "250 ok", "250 ok", "354 go", "250 kept"] {
            write!(reader.get_mut(), "{answer}\r\n").unwrap();
            let mut line = String::new();
            let until = if answer == "354 go" { ".\r\n" } else { "\r\n" };
            while !line.ends_with(until) && reader.read_line(&mut line).unwrap_or(0) > 0 {}
            heard.send(line).unwrap();
        }
    });
    config.host = "localhost".to_owned();
    config.tls = Tls::Direct;
    config.ca = Some(dir.join("ca.pem"));
    let mut relay = Relay::new();
    assert_eq!(send(&mut relay, &config).unwrap(), "250 kept");
    drop(relay);
    let commands: Vec<_> = commands.iter().collect();
    assert_eq!(commands[..2], ["EHLO box.example\r\n", "MAIL FROM:<a@box.example>\r\n"]);
    assert_eq!(commands[4].as_bytes(), [MAIL, b".\r\n"].concat());
    std::fs::remove_dir_all(dir).unwrap();
}
