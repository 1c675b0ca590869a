//! The messages of the demo, and the lines to copy that send more of them.

use std::net::SocketAddr;
use std::time::Duration;

use super::parts::DemoParts;
use super::{NUMBER, PHONE};
use crate::address::{Address, Mailbox};
use crate::cli::session::Failure;
use crate::deliver::relay::{Relay, RelayConfig, Tls};
use crate::message::Reporting;

/// Anna on the boat.
pub const ANNA: &str = "anna@boat.example";
/// Anna as the world knows her.
pub const ANNA_ASHORE: &str = "anna@shore.example";
/// Somebody in the world.
pub const BOB: &str = "bob@world.example";

/// The phone, as a mail program on the boat writes to it.
const PHONE_BY_MAIL: &str = "+14155550123@sms.boat.example";

/// Writes addresses, log-ins, and lines to copy.
pub fn explain(parts: &DemoParts) -> String {
    let [_, submission, station] = parts.station.listen;
    let [smtp, _, gateway] = parts.gateway.listen;
    let password = &parts.password;
    let (port, back) = (submission.port(), smtp.port());
    let (carrier, air) = (parts.carrier.address(), parts.air.about());
    format!(
        "
  station (boat)    http://{station}/   name anna, password {password}
  gateway (shore)   http://{gateway}/   name anna, password {password}

The boxes are paired over an internet line that costs nothing, and is away for 15 seconds in every two minutes.
{air}

From another terminal, send a mail from the boat with curl, or with msmtp:

  printf 'Subject: Position\\n\\nAll well at 38.7 N 9.1 W.\\n' | curl -sS --crlf smtp://127.0.0.1:{port} --user anna:{password} --mail-from {ANNA} --mail-rcpt {BOB} -T -

  printf 'Subject: Position\\n\\nAll well at 38.7 N 9.1 W.\\n' | msmtp --host=127.0.0.1 --port={port} --tls=off --auth=plain --user=anna --passwordeval='echo {password}' --from={ANNA} {BOB}

and let the world answer, into the mailbox on the boat:

  printf 'From: {BOB}\\nSubject: Answer\\n\\nGood to hear.\\n' | curl -sS --crlf smtp://127.0.0.1:{back} --mail-from {BOB} --mail-rcpt {ANNA_ASHORE} -T -

A phone texts the boat; to answer, send a mail from the boat to {PHONE_BY_MAIL} as above, and see what it got:

  curl -sS --data-urlencode From={PHONE} --data-urlencode To={NUMBER} --data-urlencode 'Body=Where are you?' http://{carrier}/phone
  curl -sS http://{carrier}/phone

Ctrl-C ends everything.
"
    )
}

/// Sends a message as a mail program on the boat.
///
/// # Errors
/// When the station does not take it.
pub fn out(parts: &DemoParts) -> Result<(), Failure> {
    let login = Some(("anna".to_owned(), parts.password.clone()));
    let text = "All well on board. We expect to be in port on Friday.";
    give(parts.station.listen[1], login, ANNA, BOB, "Hello from the boat", text)
}

/// Sends the answer as a mail server in the world.
///
/// # Errors
/// When the gateway does not take it.
pub fn back(parts: &DemoParts) -> Result<(), Failure> {
    let text = "Good to hear. The quay is booked for Friday.";
    give(parts.gateway.listen[0], None, BOB, ANNA_ASHORE, "Re: Hello from the boat", text)
}

/// Sends a text from a phone to Anna.
pub fn text(parts: &DemoParts) {
    parts.carrier.text(PHONE, NUMBER, "Are you all right? Mum");
}

/// Answers the phone as Anna's mail program.
///
/// # Errors
/// When the station does not take it.
pub fn text_back(parts: &DemoParts) -> Result<(), Failure> {
    let login = Some(("anna".to_owned(), parts.password.clone()));
    let (subject, text) = ("Re: Are you all right? Mum", "All fine, home on Friday.");
    give(parts.station.listen[1], login, ANNA, PHONE_BY_MAIL, subject, text)
}

fn give(
    to: SocketAddr,
    login: Option<(String, String)>,
    from: &str,
    recipient: &str,
    subject: &str,
    text: &str,
) -> Result<(), Failure> {
    let (sender, recipient): (Mailbox, Mailbox) = match (from.parse(), recipient.parse()) {
        (Ok(sender), Ok(recipient)) => (sender, recipient),
        (Err(why), _) | (_, Err(why)) => return Err(Failure::failed(why)),
    };
    let config = RelayConfig {
        host: to.ip().to_string(),
        port: to.port(),
        tls: Tls::None,
        login,
        ca: None,
        timeout: Duration::from_secs(10),
        hello: Some("mail.world.example".to_owned()),
    };
    let mail = format!("From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n\r\n{text}\r\n");
    let mut client = Relay::new();
    let given = client.deliver(&config, &Address::Mail(sender), &recipient, mail.as_bytes(), &Reporting::default());
    client.close();
    given.map(drop).map_err(|fault| Failure::failed(format!("the message was not taken: {fault}")))
}
