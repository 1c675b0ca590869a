//! The mails of the service, written and read by hand.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hex;
use crate::sim::ground::terminals::Up;
use crate::sim::sink::Mail;

/// Who its mails are from.
pub(super) const SERVICE: &str = "sbdservice@sbd.iridium.com";

/// Who a mail is to before it is known where it goes.
pub(super) const OWNER: &str = "owner@world.example";

/// The mail that tells of a message, of this sender and with this before its subject.
pub(super) fn write(up: &Up, from: &str, before: &str) -> String {
    let payload = hex::decode(up.data.as_bytes()).unwrap_or_default();
    let at = jiff::Timestamp::from_second(up.at.seconds()).unwrap_or_default();
    let session = at.strftime("%a %b %d %H:%M:%S %Y");
    let head = format!(
        "From: {from}\r\nTo: {OWNER}\r\nSubject: {before}SBD Msg From Unit: {imei}\r\n\
         Date: {date}\r\nMessage-ID: <{imei}.{momsn}.{seconds}@sbd.iridium.com>\r\nMIME-Version: 1.0\r\n",
        imei = up.imei,
        date = at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        momsn = up.momsn,
        seconds = up.at.seconds(),
    );
    let text = format!(
        "MOMSN: {}\r\nMTMSN: 0\r\nTime of Session (UTC): {session}\r\nSession Status: 00 - Transfer OK\r\n\
         Message Size (bytes): {}\r\n\r\nUnit Location: Lat = 52.3867 Long = 0.2938\r\nCEPradius = 8\r\n",
        up.momsn,
        payload.len()
    );
    if payload.is_empty() {
        return format!("{head}Content-Type: text/plain\r\n\r\n{text}");
    }
    let name = format!("{}_{:06}.sbd", up.imei, up.momsn);
    let file = STANDARD.encode(&payload);
    let lines: Vec<_> = file.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!(
        "{head}Content-Type: multipart/mixed; boundary=\"SBD.Boundary.605592468\"\r\n\r\n--SBD.Boundary.605592468\r\n\
         Content-Type: text/plain; charset=US-ASCII\r\n\r\n{text}\r\n--SBD.Boundary.605592468\r\n\
         Content-Type: application/x-zip-compressed; name=\"SBDMessage.sbd\"\r\n\
         Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n\
         --SBD.Boundary.605592468--\r\n",
        lines.join("\r\n")
    )
}

/// The terminal and the payload of a mail with a message for one.
pub(super) fn read(mail: &Mail) -> Option<(String, Vec<u8>)> {
    let imei = mail.header("Subject").filter(|subject| subject.bytes().all(|c| c.is_ascii_digit()))?;
    let text = String::from_utf8_lossy(&mail.data).into_owned();
    // The part whose header names a file of the right kind.
    let (head, rest) = text.split("\r\n--").find_map(|part| {
        let (head, body) = part.split_once("\r\n\r\n")?;
        head.contains(".sbd\"").then_some((head.to_lowercase(), body.to_owned()))
    })?;
    let base64 = head.contains("content-transfer-encoding: base64");
    let digits: String = rest.split_whitespace().collect();
    let payload = if base64 { STANDARD.decode(digits).ok()? } else { rest.into_bytes() };
    Some((imei, payload))
}

/// Gives a mail of this sender to `smtp://HOST:PORT/ADDRESS`.
pub(super) fn send(url: &str, from: &str, mail: &[u8], limit: Duration) -> io::Result<()> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let (server, to) = url
        .strip_prefix("smtp://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| wrong("it is written smtp://HOST:PORT/ADDRESS".to_owned()))?;
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(limit))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut said = |wanted: char| loop {
        let line = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        match (line.chars().next(), line.as_bytes().get(3)) {
            (_, Some(b'-')) => {}
            (Some(first), _) if first == wanted => return Ok(()),
            _ => return Err(wrong(line)),
        }
    };
    said('2')?;
    for (command, wanted) in [
        ("EHLO sbd.iridium.com".to_owned(), '2'),
        (format!("MAIL FROM:<{from}>"), '2'),
        (format!("RCPT TO:<{to}>"), '2'),
        ("DATA".to_owned(), '3'),
    ] {
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        said(wanted)?;
    }
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stream.write_all(b".")?;
        }
        stream.write_all(line)?;
    }
    let end: &[u8] = if mail.ends_with(b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" };
    stream.write_all(end)?;
    said('2')
}
