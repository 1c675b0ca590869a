use std::sync::{LazyLock, Mutex, MutexGuard};

use super::bundle::{body, front, read};
use super::*;
use crate::coder::MODELS;
use crate::letter::{Kind, Other};

/// One for all tests: priming takes a second.
fn coder() -> MutexGuard<'static, Coder> {
    static CODER: LazyLock<Mutex<Coder>> = LazyLock::new(|| Mutex::new(Coder::new(&MODELS[0])));
    CODER.lock().unwrap()
}

fn letter(subject: &str, text: &str) -> Letter {
    let other = Other::Address("mum@example.org".into());
    Letter { kind: Kind::Mail, person: None, other, subject: subject.into(), text: text.into() }
}

fn all_kinds() -> [Vec<Letter>; 4] {
    let long = (0..300).map(|n| format!("{} ", n * 7919)).collect::<String>();
    let noise: String = (0..60_u32).filter_map(|n| char::from_u32(0x4e00 + n * 331 % 20_000)).collect();
    [
        vec![letter("Boat", "All well"), letter("", "And again")],
        vec![letter("Numbers", &long)],
        vec![letter("line\nfeed", "zero \0 byte")],
        vec![letter("", &noise)],
    ]
}

#[test]
fn letters_come_back_whole_in_pieces_and_stored() {
    let mut coder = coder();
    for letters in all_kinds() {
        let mut packets = pack(&mut *coder, &letters, 5, 192).unwrap();
        assert!(packets.iter().all(|packet| packet.len() <= 192 && packet[0] >= 0x80));
        packets.reverse();
        assert_eq!(unpack(&mut *coder, &packets).as_ref(), Ok(&letters));
        if packets.len() > 1 {
            assert_eq!(unpack(&mut *coder, &packets[1..]), Err(Unreadable::Incomplete));
            packets[0][20] ^= 1;
            assert_eq!(unpack(&mut *coder, &packets), Err(Unreadable::Check));
        }
    }
    let endless = (0..4000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect::<String>();
    assert!(pack(&mut *coder, &[letter("", &endless)], 0, 192).is_none());
}

#[test]
fn each_salt_says_the_same_in_other_bytes() {
    let mut coder = coder();
    for letters in all_kinds() {
        for form in [Form::Stored, Form::Model(1)] {
            let bodies: Vec<_> = (1..40).map(|salt| body(&mut *coder, form, &letters, &letters, 192, salt)).collect();
            let different: std::collections::BTreeSet<_> = bodies.iter().collect();
            assert!(different.len() > 20, "{}", different.len());
            for body in &bodies {
                assert!(body.len() <= bodies[0].len() + 2);
                assert_eq!(read(&mut *coder, body, &|_| Vec::new()).as_ref(), Ok(&letters));
            }
        }
    }
}

#[test]
fn the_beginning_can_be_read_while_the_rest_is_missing() {
    let mut coder = coder();
    for letters in all_kinds() {
        for form in [Form::Stored, Form::Model(1)] {
            let body = body(&mut *coder, form, &letters, &letters, 16, 1);
            for end in 0..body.len() {
                let texts = |letters: &[Letter]| letters.iter().map(|l| l.text.clone()).collect::<Vec<_>>();
                let (part, whole) = (texts(&front(&mut *coder, &body[..end])), texts(&letters));
                let last = part.len().saturating_sub(1);
                assert!(part.len() <= whole.len() && part[..last] == whole[..last], "{end}");
                assert!(
                    part.iter().zip(&whole).all(|(part, whole)| whole.starts_with(part.as_str())),
                    "{end} {part:?}"
                );
            }
            let most = front(&mut *coder, &body[..body.len() - 1]);
            assert!(letters[0].text.len() < 100 || most[0].text.len() > letters[0].text.len() * 3 / 4);
        }
    }
}

#[test]
fn an_index_is_read_by_the_one_address_that_fits() {
    let mut coder = coder();
    let written = [letter("Boat", "All well"), letter("", "Third")];
    let mut on_air = written.clone();
    on_air[0].other = Other::Index(40);
    let body = body(&mut *coder, Form::Model(1), &on_air, &written, 192, 1);
    assert_eq!(body[0] >> 4, 0b1010);
    let names = ["dad@example.org", "mum@example.org", "mum@example.com"];
    let book = |some: &[&str]| some.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(read(&mut *coder, &body, &|_| book(&names)).as_deref(), Ok(&written[..]));
    assert_eq!(read(&mut *coder, &body, &|_| book(&names[..1])), Err(Unreadable::Book));
    assert_eq!(read(&mut *coder, &body, &|_| Vec::new()), Err(Unreadable::Book));
    assert_eq!(read(&mut *coder, &body, &|_| book(&names[1..2].repeat(2))), Err(Unreadable::Book));
}

#[test]
fn what_is_not_ours_is_said_so() {
    let mut coder = coder();
    assert_eq!(unpack(&mut *coder, &[b"\x08\x01"]), Err(Unreadable::Foreign));
    assert_eq!(unpack(&mut *coder, &[b"\x97\x01\x02"]), Err(Unreadable::Model(7)));
    assert_eq!(unpack(&mut *coder, &[b"\x91"]), Err(Unreadable::Check));
    assert_eq!(unpack(&mut *coder, &[b"\x80\xff\xff"]), Err(Unreadable::Check));
    assert_eq!(unpack(&mut *coder, &[b"\xb1\xff\xff"]), Err(Unreadable::Foreign));
    assert_eq!(unpack::<_, &[u8]>(&mut *coder, &[]), Err(Unreadable::Foreign));
}
