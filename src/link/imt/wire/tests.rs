//! Answers that come late, against a modem that says what it is told to.

use std::fs::File;
use std::io::{Read, Write};
use std::thread::JoinHandle;

use super::*;
use crate::link::serial::tests::terminal;

const LIMIT: Duration = Duration::from_millis(400);
const OFFER: &str = "{\"topic_id\": 244, \"message_length\": 7, \"request_reference\": 2}";

/// A modem that says these lines to the requests that it hears, each after a while.
fn modem(script: Vec<(u64, &'static str)>) -> (Wire, JoinHandle<()>) {
    let (master, path) = terminal();
    let port = Port::open(&path, 230_400).unwrap();
    let mut line = File::from(master);
    let thread = std::thread::spawn(move || {
        for (after, says) in script {
            let mut byte = [0];
            while byte != [b'\r'] {
                assert_eq!(line.read(&mut byte).unwrap(), 1);
            }
            crate::clock::sleep(Duration::from_millis(after));
            line.write_all(says.as_bytes()).unwrap();
        }
        crate::clock::sleep(Duration::from_millis(50));
    });
    let feed = Feed::new(244, 2, b"hello");
    (Wire::new(port, Some(feed), Duration::from_millis(10), LIMIT).unwrap(), thread)
}

fn offer(wire: &Wire) -> Result<Line, Trouble> {
    wire.ask("PUT", ORIGINATE, OFFER, LIMIT)
}

/// The answer to an earlier hand-over is not that to this one, whatever it says.
#[test]
fn only_the_answer_that_names_a_hand_over_tells_of_it() {
    let (wire, modem) = modem(vec![(
        0,
        "200 messageOriginate {\"topic_id\":244,\"request_reference\":1,\"message_response\":\
         \"message_discarded_on_overflow\"}\r200 messageOriginate {\"topic_id\":244,\"request_reference\":2,\
         \"message_id\":5,\"message_response\":\"message_accepted\"}\r",
    )]);
    let answer = offer(&wire).unwrap();
    assert_eq!(answer.body["message_response"], "message_accepted");
    modem.join().unwrap();
}

/// A refusal names no hand-over: while an older answer is owed it proves nothing.
#[test]
fn a_late_refusal_refuses_nothing() {
    let refused = |answer: &Result<Line, Trouble>| matches!(answer, Err(Trouble::Refused { .. }));
    for late in ["418 messageOriginate {}\r", "405 MALFORMED {}\r"] {
        let (wire, modem) = modem(vec![(0, ""), (0, late), (0, "200 hwInfo {}\r"), (0, "418 messageOriginate {}\r")]);
        assert!(matches!(offer(&wire), Err(Trouble::Silent { .. })));
        let answer = offer(&wire);
        assert!(!refused(&answer), "{late}: {answer:?}");
        // Once something else was answered nothing older comes.
        wire.ask("GET", "hwInfo", "{}", LIMIT).unwrap();
        assert!(refused(&offer(&wire)));
        modem.join().unwrap();
    }
}

/// What says anything is not mute. Answers of earlier times mean nothing; a message that comes down is said once.
#[test]
fn what_a_modem_says_while_its_port_is_opened_is_noticed_and_messages_are_kept() {
    let (master, path) = terminal();
    let port = Port::open(&path, 230_400).unwrap();
    assert!(!speaks(&port, Duration::from_millis(20)));
    let mut line = File::from(master);
    let end = "299 messageTerminateStatus {\"topic_id\":244,\"message_id\":30,\"final_mt_status\":\"complete\"}\r";
    line.write_all(format!("llo\r200 hwInfo {{}}\r299 constellationState {{}}\r{end}").as_bytes()).unwrap();
    assert!(speaks(&port, LIMIT));
    let mut wire = Wire::new(port, None, Duration::from_millis(50), LIMIT).unwrap();
    let heard: Vec<_> = std::iter::from_fn(|| wire.next_heard()).map(|line| line.target).collect();
    assert_eq!(heard, ["messageTerminateStatus"]);
}
