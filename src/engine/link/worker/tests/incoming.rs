//! Packets from the air: taken once, put together, set aside.

use super::*;

#[test]
fn packets_from_the_air_are_taken_once_and_confirmed_each_time() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    for _ in 0..2 {
        rig.inbound("m138:1:1", packet("Hello\nfrom mum", "mum@else.org", false), None);
        rig.turn(&mut worker);
    }
    let mailbox = rig.context.store.read(|view| view.mailbox("anna", None, 9)).unwrap();
    assert_eq!(mailbox.len(), 1);
    assert_eq!(mailbox[0].0.subject, "Hello");
    assert_eq!(mailbox[0].0.from.to_string(), "mum@else.org");
    assert_eq!(rig.fake.sky().confirmed, [7, 7]);
}

#[test]
fn parts_in_any_order_become_one_message() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let text = "A long story. ".repeat(30);
    let mut payloads = parts::split(&text, "mum@else.org", false, Protocol::Email, 192).unwrap();
    payloads.reverse();
    for (at, payload) in payloads.into_iter().enumerate() {
        rig.inbound(&format!("k{at}"), payload, None);
    }
    rig.turn(&mut worker);
    let mailbox = rig.context.store.read(|view| view.mailbox("anna", None, 9)).unwrap();
    assert_eq!(mailbox.len(), 1);
    assert_eq!(mailbox[0].0.text, text);
}

#[test]
fn parts_that_stay_alone_are_delivered_as_they_are() {
    let rig = Rig::new("satellite");
    let mut worker = rig.worker();
    let payloads = parts::split(&"A long story. ".repeat(30), "mum@else.org", false, Protocol::Email, 192).unwrap();
    rig.inbound("k", payloads[1].clone(), None);
    rig.turn(&mut worker);
    rig.clock.advance(Duration::from_secs(3 * 86_400));
    crate::engine::link::inbound::give_up_on_parts(&rig.context).unwrap();
    let mailbox = rig.context.store.read(|view| view.mailbox("anna", None, 9)).unwrap();
    assert!(mailbox[0].0.text.contains("[part 1 of"), "{}", mailbox[0].0.text);
}

#[test]
fn a_device_writes_as_its_owner_and_a_stranger_is_held() {
    let rig = Rig::new("internet");
    let mut worker = rig.worker();
    rig.inbound("hive:1", packet("On my way", "mum@else.org", true), Some(6846));
    rig.inbound("hive:2", packet("Who am I", "mum@else.org", true), Some(99));
    rig.turn(&mut worker);
    let known = rig.message(Id(1));
    assert_eq!((known.from.to_string().as_str(), known.way, known.state), ("ben@here.org", Way::Relay, State::Queued));
    assert_eq!(rig.message(Id(2)).state, State::Held);
}

#[test]
fn poison_is_set_aside_and_confirmed() {
    let rig = Rig::new("internet");
    let mut worker = rig.worker();
    rig.inbound("hive:1", b"hello".to_vec(), Some(6846));
    rig.inbound("hive:2", packet("wrong way", "mum@else.org", false), Some(6846));
    let poison = Event::Poison { bytes: vec![1], why: Reason::said("no base64"), token: Token(9) };
    rig.fake.sky().events.push_back(poison);
    rig.turn(&mut worker);
    assert_eq!(rig.context.store.read(|view| view.quarantined(9)).unwrap().len(), 3);
    assert_eq!(rig.fake.sky().confirmed, [7, 7, 9]);
}

/// A packet that came while the coder was made ready is kept as soon as that is done, and who waits is told. What needs no
/// coder does not wait: the far box would take a line for dead whose packets nobody receipts.
#[test]
fn a_packet_waits_for_the_coder_and_no_longer() {
    let mut rig = Rig::new("internet");
    rig.context.store.set("air.compact", "small").unwrap();
    let fresh = Folder::new();
    rig.context.coders = Coders::new(&fresh);
    let (waker, told) = smol::channel::bounded(1);
    rig.context.coders.tell(waker);
    let mut worker = rig.worker();
    // A note alone: a receipt for nothing.
    rig.inbound("1", vec![0xB1, 1, 2], Some(6846));
    rig.turn(&mut worker);
    assert_eq!(rig.fake.sky().confirmed, [7]);
    rig.inbound("2", vec![0x94, 1, 2, 3], Some(6846));
    // Whatever else wakes the worker meanwhile.
    (0..3).for_each(|_| rig.turn(&mut worker));
    assert_eq!(rig.fake.sky().confirmed, [7], "the coder takes its time");
    smol::block_on(told.recv()).unwrap();
    // The clock stands still: no back-off is waited for.
    rig.turn(&mut worker);
    assert_eq!(rig.fake.sky().confirmed, [7, 7]);
}
