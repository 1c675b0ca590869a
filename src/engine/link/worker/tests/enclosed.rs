//! Whole mails that come in one payload with their packet: kept once, where the owner lets them, and never in the way of the text.

use super::*;
use crate::engine::link::inbound;
use crate::engine::link::whole::arrived;
use crate::engine::link::whole::packed::pack;
use crate::link::enclosed::Enclosed;
use crate::link::whole::{WholeId, WholePlace};
use crate::store::INLINE;

/// A rig with a link that takes mails of up to so many kB.
fn rig(most: &str) -> (Rig, Context) {
    let rig = Rig::new("satellite");
    let link = rig.context.store.add_link("imt", "imt", &[("imt.whole", most)]);
    let context = Context { link: Some(link), ..rig.context.clone() };
    (rig, context)
}

fn places(mail: &[u8], count: u8) -> Vec<WholePlace> {
    (0..count).map(|place| WholePlace { bundle: 7, place, name: WholeId::of(mail) }).collect()
}

fn mail() -> Vec<u8> {
    let picture: String = (0..3 * INLINE).map(|at| char::from(b'a' + u8::try_from(at * at % 23).unwrap())).collect();
    pack(format!("From: mum@else.org\r\nSubject: Picture\r\n\r\n{picture}\r\n").as_bytes())
}

fn came(key: &str, mail: &[u8], packet: &[u8]) -> Inbound {
    let mails = [(WholeId::of(mail), mail)].into();
    let payload = Enclosed { places: places(mail, 3), mails, packet }.bytes();
    Inbound { device: None, payload, wholes: Vec::new(), key: key.into(), received: None, token: Token(7) }
}

fn text() -> Vec<u8> {
    packet("Hello\nfrom mum", "mum@else.org", false)
}

fn texts(rig: &Rig) -> usize {
    rig.context.store.read(|view| view.mailbox("anna", None, 9)).unwrap().len()
}

#[test]
fn mails_are_kept_where_the_owner_lets_them_and_their_text_anywhere() {
    for (most, files) in [("60", 1), ("0", 0)] {
        let (rig, context) = rig(most);
        let mail = mail();
        inbound::take(&context, &came("a", &mail, &text()), &mut 0).unwrap();
        assert_eq!((texts(&rig), context.store.wholes_here().unwrap().0), (1, files), "{most}");
        // A link that encloses nothing takes none.
        inbound::take(&rig.context, &came("b", &pack(b"other"), &text()), &mut 0).unwrap();
        assert_eq!((texts(&rig), context.store.wholes_here().unwrap().0), (2, files), "{most}");
    }
}

/// The packet is looked at first: of one that was taken, or is never read, nothing is kept.
#[test]
fn nothing_is_kept_for_a_packet_that_was_taken_or_is_not_read() {
    let (rig, context) = rig("60");
    let mail = mail();
    inbound::take(&context, &came("a", &mail, &text()), &mut 0).unwrap();
    let again = pack(b"another");
    assert!(inbound::take(&context, &came("a", &again, &text()), &mut 0).unwrap().ids().is_empty());
    assert_eq!((texts(&rig), context.store.wholes_here().unwrap()), (1, (1, mail.len() as u64)));
    context.store.set("air.compact", "off").unwrap();
    let never = inbound::take(&context, &came("b", &again, b"\x91what is that"), &mut 0);
    assert!(never.is_err_and(|fault| fault.is_permanent()));
    assert_eq!(context.store.wholes_here().unwrap().0, 1);
}

#[test]
fn a_mail_that_many_messages_have_is_read_once_and_each_has_its_own_file() {
    let (_rig, context) = rig("60");
    let mail = mail();
    inbound::take(&context, &came("a", &mail, &text()), &mut 0).unwrap();
    let found = arrived::named(&context, None, &places(&mail, 3)).unwrap();
    let files: std::collections::BTreeSet<_> = found
        .iter()
        .map(|(_, mail)| match &mail.body {
            BodyIn::File(file) => (file.name.clone(), file.size, file.check),
            _ => panic!("it is large"),
        })
        .collect();
    assert_eq!((found.len(), files.len()), (3, 3));
    assert!(found.windows(2).all(|two| two[0].1.is_read_with(&two[1].1)));
}

/// The disk does not take them, again and again: then the text comes without.
#[test]
fn mails_that_cannot_be_kept_do_not_hold_their_text_back_for_ever() {
    let (rig, context) = rig("60");
    std::fs::write(rig._folder.join("wholes"), "in the way").unwrap();
    let (packet, mut failed) = (came("a", &mail(), &text()), 0);
    let faults = (0..9).take_while(|_| inbound::take(&context, &packet, &mut failed).is_err()).count();
    assert_eq!((faults, texts(&rig)), (3, 1));
}
