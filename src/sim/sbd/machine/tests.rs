//! What clients of others need that talk to a modem.

use std::path::PathBuf;

use super::*;

/// A modem that has started.
fn modem() -> Machine {
    let options = Options {
        port: PathBuf::new(),
        imei: "300234010753370".to_owned(),
        state: None,
        sky: None,
        control: None,
        session: Duration::from_secs(4),
        factor: 1,
        core: false,
    };
    let mut modem = Machine::new(&options, Memory::default(), Time(0));
    modem.do_due(Time(60_000));
    assert_eq!(says(&mut modem, "ATE0\r"), "ATE0\r\r\nOK\r\n");
    modem
}

/// What it says to these bytes.
fn says(modem: &mut Machine, bytes: &str) -> String {
    modem.hear_bytes(bytes.as_bytes(), Time(60_000));
    String::from_utf8(modem.leaves()).unwrap()
}

/// Clients look into the mailbox with an empty text.
#[test]
fn an_empty_text_empties_the_slot() {
    let mut modem = modem();
    for empty in ["AT+SBDWT=\r", "AT+SBDWT\r\r"] {
        assert_eq!(says(&mut modem, "AT+SBDWT=Two  words\r"), "\r\nOK\r\n");
        assert_eq!(modem.mo.as_deref(), Some(&b"Two  words"[..]));
        assert!(says(&mut modem, empty).ends_with("OK\r\n"));
        assert_eq!(modem.mo, None);
    }
}

#[test]
fn the_longest_text_of_a_command_is_taken() {
    let mut modem = modem();
    let command = |length: usize| format!("AT+SBDWT={}\r", "x".repeat(length));
    assert_eq!(says(&mut modem, &command(120)), "\r\nOK\r\n");
    assert_eq!(modem.mo.as_ref().map(Vec::len), Some(120));
    assert_eq!(says(&mut modem, &command(121)), "\r\nERROR\r\n");
    assert_eq!(modem.mo.as_ref().map(Vec::len), Some(120));
}

/// A client that waits idle for the word itself takes a line end before it for the end of something else.
#[test]
fn a_ring_alert_begins_with_its_word() {
    let mut modem = modem();
    let mut ring = |command: &str| {
        says(&mut modem, command);
        modem.alert(Time(60_000));
        modem.tend_ring(Time(60_000));
        String::from_utf8(modem.leaves()).unwrap()
    };
    assert_eq!(ring("AT\r"), "SBDRING\r\n");
    assert_eq!(ring("ATV0\r"), "126\r");
    assert_eq!(ring("ATV1\r"), "SBDRING\r\n");
    assert_eq!(ring("AT+SBDMTA=0\r"), "");
    modem.style = Style::Tight;
    says(&mut modem, "AT+SBDMTA=1\r");
    modem.alert(Time(60_000));
    modem.tend_ring(Time(60_000));
    assert_eq!(modem.leaves(), b"\r\nSBDRING\r\n");
}
