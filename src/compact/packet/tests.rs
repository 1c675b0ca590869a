use std::sync::{LazyLock, Mutex, MutexGuard};

use super::bundle;
use super::check::crc16;
use super::*;
use crate::coder::MODELS;
use crate::letter::{Kind, Other, to_record};

/// One for all tests: priming takes a second.
fn coder() -> MutexGuard<'static, Coder> {
    static CODER: LazyLock<Mutex<Coder>> = LazyLock::new(|| Mutex::new(Coder::new(&MODELS[0])));
    CODER.lock().unwrap()
}

/// The functions of the bundle for messages that come after nothing.
fn encode(coder: &mut Coder, form: Form, on_air: &[Letter], written: &[Letter], room: usize, salt: u16) -> Vec<u8> {
    bundle::encode(coder, form, on_air, written, &Past::default(), room, salt)
}

fn decode(coder: &mut Coder, bytes: &[u8], known: &dyn Fn(u8) -> Vec<String>) -> Result<Vec<Letter>, Unreadable> {
    bundle::decode(coder, bytes, known, &|_| Vec::new()).map(|(messages, _)| messages)
}

fn decode_front(coder: &mut Coder, bytes: &[u8]) -> Vec<Letter> {
    bundle::decode_front(coder, bytes)
}

fn message(subject: &str, text: &str) -> Letter {
    let other = Other::Address("mum@example.org".into());
    Letter { kind: Kind::Mail, person: None, other, subject: subject.into(), text: text.into() }
}

fn all_kinds() -> [Vec<Letter>; 4] {
    let long = (0..300).map(|n| format!("{} ", n * 7919)).collect::<String>();
    let noise: String = (0..60_u32).filter_map(|n| char::from_u32(0x4e00 + n * 331 % 20_000)).collect();
    [
        vec![message("Boat", "All well"), message("", "And again")],
        vec![message("Numbers", &long)],
        vec![message("line\nfeed", "zero \0 byte")],
        vec![message("", &noise)],
    ]
}

#[test]
fn messages_come_back_whole_in_fragments_and_stored() {
    let mut coder = coder();
    for messages in all_kinds() {
        let mut packets = pack(&mut *coder, &messages, 5, 192).unwrap();
        assert!(packets.iter().all(|packet| packet.len() <= 192 && packet[0] >= 0x80));
        packets.reverse();
        assert_eq!(unpack(&mut *coder, &packets).as_ref(), Ok(&messages));
        if packets.len() > 1 {
            assert_eq!(unpack(&mut *coder, &packets[1..]), Err(Unreadable::Incomplete));
            packets[0][20] ^= 1;
            assert_eq!(unpack(&mut *coder, &packets), Err(Unreadable::Check));
        }
    }
    let endless = (0..4000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect::<String>();
    assert!(pack(&mut *coder, &[message("", &endless)], 0, 192).is_none());
}

#[test]
fn each_salt_says_the_same_in_other_bytes() {
    let mut coder = coder();
    for messages in all_kinds() {
        for form in [Form::Stored, Form::Model(MODELS[0].number)] {
            let bundles: Vec<_> =
                (1..40).map(|salt| encode(&mut coder, form, &messages, &messages, 192, salt)).collect();
            let different: std::collections::BTreeSet<_> = bundles.iter().collect();
            assert!(different.len() > 20, "{}", different.len());
            for bundle in &bundles {
                assert!(bundle.len() <= bundles[0].len() + 2);
                assert_eq!(decode(&mut coder, bundle, &|_| Vec::new()).as_ref(), Ok(&messages));
            }
        }
    }
}

#[test]
fn the_beginning_can_be_read_while_the_rest_is_missing() {
    let mut coder = coder();
    for messages in all_kinds() {
        for form in [Form::Stored, Form::Model(MODELS[0].number)] {
            let bundle = encode(&mut coder, form, &messages, &messages, 16, 1);
            for end in 0..bundle.len() {
                let texts = |messages: &[Letter]| messages.iter().map(|l| l.text.clone()).collect::<Vec<_>>();
                let (part, whole) = (texts(&decode_front(&mut coder, &bundle[..end])), texts(&messages));
                let last = part.len().saturating_sub(1);
                assert!(part.len() <= whole.len() && part[..last] == whole[..last], "{end}");
                assert!(
                    part.iter().zip(&whole).all(|(part, whole)| whole.starts_with(part.as_str())),
                    "{end} {part:?}"
                );
            }
            let most = decode_front(&mut coder, &bundle[..bundle.len() - 1]);
            assert!(messages[0].text.len() < 100 || most[0].text.len() > messages[0].text.len() * 3 / 4);
        }
    }
}

#[test]
fn an_index_is_read_by_the_one_address_that_fits() {
    let mut coder = coder();
    let written = [message("Boat", "All well"), message("", "Third")];
    let mut on_air = written.clone();
    on_air[0].other = Other::Index(40);
    let bundle = encode(&mut coder, Form::Model(MODELS[0].number), &on_air, &written, 192, 1);
    assert_eq!(bundle[0] >> 4, 0b1010);
    let names = ["dad@example.org", "mum@example.org", "mum@example.com"];
    let book = |some: &[&str]| some.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(decode(&mut coder, &bundle, &|_| book(&names)).as_deref(), Ok(&written[..]));
    assert_eq!(decode(&mut coder, &bundle, &|_| book(&names[..1])), Err(Unreadable::Book));
    assert_eq!(decode(&mut coder, &bundle, &|_| Vec::new()), Err(Unreadable::Book));
    assert_eq!(decode(&mut coder, &bundle, &|_| book(&names[1..2].repeat(2))), Err(Unreadable::Book));
}

/// The check over the written-out message is short enough for another address of a full book to fit by chance.
#[test]
fn a_text_is_never_given_a_mail_address_nor_a_mail_a_number() {
    let mut coder = coder();
    let from_phone =
        Letter { kind: Kind::Text, other: Other::Address("+14155550123".into()), ..message("", "At camp") };
    let mail = |n: usize| format!("crew{n}@station.example");
    let phone = |n: usize| format!("+1415{n:07}");
    let others: [(Letter, &dyn Fn(usize) -> String); 2] = [(from_phone, &mail), (message("Boat", "At camp"), &phone)];
    for (letter, other) in others {
        let Other::Address(right) = letter.other.clone() else { unreachable!("it is written out") };
        let check = |address: &str| {
            let letter = Letter { other: Other::Address(address.to_owned()), ..letter.clone() };
            crc16(&[to_record(&letter).unwrap(), vec![0]].concat())
        };
        let fits = (0..1_000_000).map(other).find(|address| check(address) == check(&right)).unwrap();
        let on_air = Letter { other: Other::Index(40), ..letter.clone() };
        let written = [letter.clone()];
        let bundle = encode(&mut coder, Form::Model(MODELS[0].number), &[on_air], &written, 192, 1);
        let mut read = |book: &[&String]| {
            let book: Vec<String> = book.iter().map(|address| (*address).clone()).collect();
            decode(&mut coder, &bundle, &|_| book.clone())
        };
        assert_eq!(read(&[&fits]), Err(Unreadable::Book), "{fits} for {right}");
        assert_eq!(read(&[&fits, &right]).as_deref(), Ok(&written[..]));
        // One of the same kind that fits as well: it may be either, so it is neither.
        let same = |n: usize| if letter.kind == Kind::Mail { mail(n) } else { phone(n) };
        let twin =
            (0..1_000_000).map(same).find(|address| *address != right && check(address) == check(&right)).unwrap();
        assert_eq!(read(&[&twin, &right]), Err(Unreadable::Book), "{twin} or {right}");
    }
}

/// Who lacks what it comes after cannot read it, and takes it for nothing else.
#[test]
fn a_bundle_that_comes_after_others_is_shorter_and_read_by_who_has_them() {
    let mut coder = coder();
    let form = Form::Model(MODELS[0].number);
    let said =
        "Kangerlussuaq: the Tikeraq convoy leaves at dawn with Qaanaaq's two spare Hiluxes. Aqqaluk Nathanielsen";
    let past = |text: &str| Past { mark: 7, records: vec![to_record(&message("Convoy", text)).unwrap()] };
    let written = [message("Re: Convoy", "Did the Tikeraq convoy of Aqqaluk Nathanielsen leave Kangerlussuaq?")];
    let alone = bundle::encode(&mut *coder, form, &written, &written, &Past::default(), 192, 1);
    let after = bundle::encode(&mut *coder, form, &written, &written, &past(said), 192, 1);
    assert!(after.len() + 10 < alone.len() && after[..2] == [0b1010_1000 | MODELS[0].number, 7]);
    let mut read = |pasts: &[Past]| {
        let read = bundle::decode(&mut *coder, &after, &|_| Vec::new(), &|_| pasts.to_vec());
        read.map(|(messages, used)| (messages, used == past(said)))
    };
    let found = Ok((written.to_vec(), true));
    assert_eq!(read(&[past("other words"), past(said)]), found);
    for pasts in [vec![], vec![past("other words")], vec![Past::default()]] {
        assert_eq!(read(&pasts), Err(Unreadable::Past));
    }
    assert_eq!(read(&[past(said), past(said)]), found);
    // Every salt is read; what no sender makes is not, though its check fits.
    for salt in [2, 63] {
        let salted = bundle::encode(&mut *coder, form, &written, &written, &past(said), 192, salt);
        let read = bundle::decode(&mut *coder, &salted, &|_| Vec::new(), &|_| vec![past(said)]);
        assert_eq!(read.map(|(messages, _)| messages).as_deref(), Ok(&written[..]), "{salt}");
    }
    let no_code = [&after[..], &[0x55, 0x55]].concat();
    let read = bundle::decode(&mut *coder, &no_code, &|_| Vec::new(), &|_| vec![past(said)]);
    assert_eq!(read, Err(Unreadable::Past));
    // Its mark alone does not say after which past its front comes.
    assert!(decode_front(&mut coder, &after[..after.len() - 2]).is_empty());
    assert_eq!(bundle::encode(&mut *coder, form, &written, &written, &Past::default(), 192, 1), alone);
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
