//! Answers that come late, against a modem that says what it is told to.

use std::fs::File;
use std::io::{Read, Write};
use std::thread::JoinHandle;

use super::*;
use crate::link::serial::tests::terminal;

const LIMIT: Duration = Duration::from_millis(400);

/// What a modem says to a command, after a while.
type Says = (&'static str, u64, &'static str);

/// A modem that hears these commands in this order.
fn modem(script: Vec<Says>) -> (Wire, JoinHandle<()>) {
    let (master, path) = terminal();
    let port = Port::open(&path, 19_200).unwrap();
    let mut line = File::from(master);
    let thread = std::thread::spawn(move || {
        for (command, after, says) in script {
            let mut heard = Vec::new();
            let mut byte = [0];
            while heard.last() != Some(&b'\r') {
                assert_eq!(line.read(&mut byte).unwrap(), 1, "{command}");
                heard.push(byte[0]);
            }
            assert_eq!(String::from_utf8_lossy(&heard).trim_end(), command);
            crate::clock::sleep(Duration::from_millis(after));
            line.write_all(says.as_bytes()).unwrap();
        }
        // The other side sees the end of the line as a port that has gone.
        crate::clock::sleep(Duration::from_millis(50));
    });
    (Wire::new(port, Duration::from_secs(60)), thread)
}

fn silent<T: std::fmt::Debug>(answer: Result<T, Trouble>) {
    assert!(matches!(answer, Err(Trouble::Silent { .. })), "{answer:?}");
}

#[test]
fn a_late_ok_is_not_taken_for_the_next_one() {
    let (mut wire, modem) = modem(vec![
        ("AT+SBDD1", 700, "\r\n0\r\n\r\nOK\r\n"),
        ("AT+CGSN", 0, "\r\n300234010753370\r\n\r\nOK\r\n"),
        ("AT+SBDD0", 0, "\r\n1\r\n\r\nOK\r\n"),
    ]);
    silent(wire.command("+SBDD1", LIMIT));
    assert_eq!(wire.command("+SBDD0", LIMIT), Ok(vec!["1".to_owned()]));
    modem.join().unwrap();
}

#[test]
fn the_end_of_a_session_comes_before_its_ok() {
    let (mut wire, modem) = modem(vec![
        ("AT+SBDIX", 0, "\r\n+SBDIX: 0, 5, 0, 0, 0, 0\r\n"),
        ("AT+CGSN", 0, "\r\nOK\r\n\r\n300234010753370\r\n\r\nOK\r\n"),
        ("AT+SBDD0", 0, "\r\n0\r\n\r\nOK\r\n"),
    ]);
    wire.begin_session("AT+SBDIX", LIMIT).unwrap();
    let until = Instant::now() + LIMIT;
    let heard = loop {
        wire.pump().unwrap();
        match wire.next_heard() {
            Some(heard) => break heard,
            None => assert!(Instant::now() < until),
        }
    };
    assert!(matches!(heard, Heard::Session(result) if result.momsn == 5));
    assert_eq!(wire.command("+SBDD0", LIMIT), Ok(vec!["0".to_owned()]));
    modem.join().unwrap();
}

/// A command that was refused late says nothing of the session that was begun since.
#[test]
fn a_late_error_refuses_no_session() {
    let (mut wire, modem) =
        modem(vec![("AT+SBDLOE", 500, "\r\nERROR\r\n"), ("AT+SBDIX", 0, "\r\n+SBDIX: 0, 5, 0, 0, 0, 0\r\n\r\nOK\r\n")]);
    silent(wire.command("+SBDLOE", LIMIT));
    wire.begin_session("AT+SBDIX", LIMIT).unwrap();
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        wire.port.wait_readable(until);
        wire.pump().unwrap();
        match wire.next_heard() {
            Some(Heard::Session(_)) => break,
            heard => assert_eq!(heard, None),
        }
    }
    modem.join().unwrap();
}

/// A session that is refused while something else is asked did not begin, and that is told.
#[test]
fn a_session_is_refused_also_while_something_is_asked() {
    let (mut wire, modem) = modem(vec![
        ("AT+SBDIX", 0, ""),
        ("AT+CGSN", 0, "\r\nERROR\r\n\r\n300234010753370\r\n\r\nOK\r\n"),
        ("AT+SBDD0", 0, "\r\n0\r\n\r\nOK\r\n"),
    ]);
    wire.begin_session("AT+SBDIX", LIMIT).unwrap();
    assert_eq!(wire.command("+SBDD0", LIMIT), Ok(vec!["0".to_owned()]));
    assert_eq!(wire.next_heard(), Some(Heard::Refused));
    modem.join().unwrap();
}

/// A clone knows no question of its own shape: as many answers as questions tell that all are there.
#[test]
fn a_clone_is_believed_once_it_has_answered_as_often_as_it_was_asked() {
    let (mut wire, modem) =
        modem(vec![("AT+SBDD0", 700, "\r\n0\r\n\r\nOK\r\n"), ("AT+CGSN", 0, "\r\nERROR\r\n"), ("AT", 0, "\r\nOK\r\n")]);
    silent(wire.command("+SBDD0", LIMIT));
    assert_eq!(wire.command("", LIMIT), Ok(vec![]));
    modem.join().unwrap();
}

/// While nothing is answered nothing new is asked: it certainly was not done.
#[test]
fn what_was_not_asked_is_told_from_what_was_not_answered() {
    let (mut wire, modem) = modem(vec![("AT", 0, ""), ("AT+CGSN", 0, "")]);
    silent(wire.command("", LIMIT));
    let answer = wire.write_slot(b"hello", LIMIT);
    assert!(matches!(answer, Err(Trouble::NotAsked(_))), "{answer:?}");
    modem.join().unwrap();
}
