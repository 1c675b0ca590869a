//! What becomes of a packet that was closed while its worker was busy with it: nothing, whatever the worker finds out.

use super::peer::Pair;
use super::*;
use crate::engine::link::commit::{self, Begun};
use crate::engine::link::give_back;
use crate::engine::link::relocate::{Leaving, leave};
use crate::message::GoneReason;
use crate::message::reason::{LinkReason, Taken};
use crate::money::{Bill, Limit, Money, Use};
use crate::store::PacketQueue;

/// The far box moves to another gateway.
fn move_away(context: &Context) {
    let (policy, settings, links) = (context.policy(), context.store.settings(), context.store.links());
    let now = context.now();
    let leaves = move |tx: &mut crate::store::Tx| {
        let leaving = Leaving { policy: &policy, settings: &settings, links: &links };
        leave(tx, PeerId(1), &leaving, "ticket", now).map(drop)
    };
    context.store.write(leaves).unwrap();
}

fn packets(rig: &Rig, id: Id) -> Vec<Packet> {
    rig.context.store.read(move |view| view.packets_of(id)).unwrap()
}

#[test]
fn a_packet_of_a_far_box_that_moves_away_in_the_middle_of_its_hand_over_stays_closed() {
    for end in [None, Some(End::LostAnswer), Some(End::LostCommand), Some(End::NotThis), Some(End::Never)] {
        let pair = Pair::new();
        let (rig, mut workers) = (&pair.gateway, pair.workers());
        let id = pair.write_ashore("hello");
        let context = rig.context.clone();
        let mut sky = rig.fake.sky();
        sky.ends.extend(end);
        sky.meanwhile = Some(Box::new(move || move_away(&context)));
        drop(sky);
        for _ in 0..3 {
            pair.turn(&mut workers);
            pair.advance(Duration::from_secs(5));
            rig.fake.sky().pass(true);
        }
        assert!(rig.fake.sky().meanwhile.is_none(), "it was handed over");
        let gone = |packet: &Packet| matches!(packet.state, PacketState::Gone(GoneReason::GivenUp { .. }));
        let all = packets(rig, id);
        assert!(!all.is_empty() && all.iter().all(gone), "{all:?}");
        assert_eq!(rig.message(id).state, State::Delivered);
        assert_eq!(rig.context.store.ledger().unwrap().packets_sent, 1, "it may have left, once");
        assert_eq!(workers[1].outstanding.all(), 0);
        rig.books_balance();
    }
}

#[test]
fn nothing_is_booked_for_what_was_closed_meanwhile() {
    let pair = Pair::new();
    let (rig, mut workers) = (&pair.gateway, pair.workers());
    let id = pair.write_ashore("hello");
    rig.fake.sky().ends.push_back(End::LostAnswer);
    pair.turn(&mut workers);
    let packet = packets(rig, id).remove(0);
    assert!(matches!(packet.state, PacketState::Handing(_)), "{packet:?}");
    move_away(&rig.context);
    let known = || {
        let ledger = rig.context.store.ledger().unwrap();
        (packets(rig, id), rig.message(id), crate::store::Ledger { commits: 0, ..ledger })
    };
    let before = known();
    let (context, why) = (&rig.context, || Reason::said("late"));
    let held = Packet { state: PacketState::Held(reference(1)), ..packet.clone() };
    let planned = Packet { state: PacketState::Planned, ..packet.clone() };
    assert!(!commit::taken(context, &held, &reference(1), Taken::Found).unwrap());
    commit::sent(context, &held, Acknowledged::NotSeen).unwrap();
    commit::put(context, &Packet { taking_back: true, ..held }).unwrap();
    commit::unknown(context, packet.clone(), why()).unwrap();
    assert_eq!(give_back::refused(context, &packet).unwrap(), None);
    give_back::not_taken(context, &packet, why()).unwrap();
    give_back::made_way(context, &planned).unwrap();
    let mut group = commit::group_of(context, &packet).unwrap();
    group.put(Packet { state: PacketState::Gone(GoneReason::Late), ..packet });
    commit::close(context, &group, Some(LinkReason::LateOnLink)).unwrap();
    assert_eq!(format!("{:?}", known()), format!("{before:?}"));
}

/// One mail that has no room stays behind, and its message alone; what the others pay is as it was until it goes.
#[test]
fn a_mail_without_room_does_not_change_what_others_pay() {
    let pair = Pair::new();
    let mut workers = pair.workers();
    pair.agree(&mut workers);
    let rig = &pair.station;
    rig.fake.sky().ends.push_back(End::Busy);
    let (small, large) = (pair.write_on_boat("one"), pair.write_on_boat("two"));
    pair.turn(&mut workers);
    let outbox = rig.context.store.read(|view| view.open(PacketQueue::Outbox, Time::NEVER)).unwrap();
    let packet = outbox.into_iter().flatten().next().unwrap();
    let packet =
        Packet { state: PacketState::Handing(Intent { at: rig.context.now(), memo: String::new() }), ..packet };
    let limits = vec![(crate::money::BOX.to_owned(), Limit { money: Some(Money(1000)), ..Limit::default() })];
    let bill = |money| Bill::own(Use::of_packets(1, Money(money)), limits.clone());
    let known = || {
        let reserved = rig.context.store.read(|view| view.reserved()).unwrap();
        (rig.message(small).bill, rig.message(large).bill, reserved)
    };
    let before = known();
    let bills = vec![(small, bill(400)), (large, bill(700))];
    let begun = commit::begin(&rig.context, packet.clone(), bills, None).unwrap();
    assert!(matches!(begun, Begun::OverBudget(Some(id)) if id == large));
    assert_eq!(known(), before);
    let begun = commit::begin(&rig.context, packet, vec![(small, bill(400))], None).unwrap();
    assert!(matches!(begun, Begun::Handing(_)));
    assert_eq!(known().0.unwrap().wanted.money, Money(400));
}
