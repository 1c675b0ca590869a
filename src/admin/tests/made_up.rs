//! A day in the life of a station.

use std::time::Duration;

use crate::admin::App;
use crate::admin::service::Actor;
use crate::clock::Time;
use crate::link::Health;
use crate::links::Uptime;
use crate::message::cut::{CutNote, CutRule, FileKind};
use crate::message::events::EventKind;
use crate::message::reason::{DeviceReason, GpsFix, Unusable};
use crate::message::{Id, LinkId, Message, Origin, Packet, PacketState, Reason, Reference, State, Step, Way};
use crate::status::{ConsoleLine, LinkStatus, PartState, PartStatus};
use crate::store::{BodyIn, Event, IncomingMail};

const SUBJECTS: [&str; 6] = [
    "Weather for Thursday",
    "Re: spare impeller",
    "Harbour fees and the long list of papers that the office in Horta asked for again",
    "Arrived",
    "Position report",
    "Fuel",
];

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Puts messages, samples, events, facts and console lines into a box.
pub fn fill(app: &App) {
    let now = app.store.clock().now();
    messages(app, now);
    samples(app, now);
    facts(app, now);
    far_box(app, now);
}

/// A boat with somebody new, and somebody who was refused.
fn far_box(app: &App, now: Time) {
    let fill = move |tx: &mut crate::store::Tx| {
        let id = tx.far_box_at("0x001abe".parse().unwrap(), now)?;
        let mut far_box = tx.far_box(id)?.unwrap();
        far_box.name = "Vela".into();
        far_box.addresses.push("imei:300234010753370".parse().unwrap());
        far_box.asked = vec!["carol".into()];
        far_box.refused = vec!["dora".into()];
        tx.put_far_box(&far_box).map(drop)
    };
    app.store.write(fill).unwrap();
}

fn message(n: usize, now: Time) -> Message {
    let (state, way, origin, reason) = [
        (State::Held, Way::Link, Origin::Smtp, "takes 9 packets, 5 are allowed: waits for the owner"),
        (State::OnLink, Way::Link, Origin::Smtp, "the modem has all 2 packets and waits for a satellite"),
        (State::Queued, Way::Link, Origin::Web, "the modem has no GPS time yet; tried again in 4 min"),
        (State::Delivered, Way::Mailbox, Origin::Link, "in the mailbox"),
        (State::Sent, Way::Link, Origin::Smtp, "a satellite acknowledged all 2 packets"),
        (State::Returned, Way::Link, Origin::Smtp, "nobody here is named carl; the sender was told"),
        (State::Refused, Way::Link, Origin::Smtp, "automatic mail does not go on air"),
        (State::Delivered, Way::Mailbox, Origin::Link, "in the mailbox"),
    ][n % 8];
    let accepted = now - minutes(7 * (n as u64 + 1));
    let subject = SUBJECTS[n % SUBJECTS.len()];
    let inbound = way == Way::Mailbox;
    let step = |later: u64, state, cause: &str, packets| Step {
        at: accepted + minutes(later),
        state,
        cause: Reason::said(cause),
        packets,
    };
    let mut steps = vec![step(0, State::Queued, "accepted, goes over the link", 0)];
    if state != State::Queued {
        steps.push(step(3, state, reason, if state == State::Sent { 2 } else { 0 }));
    }
    Message {
        origin,
        from: if inbound { "weather@meteo.example.net" } else { "anna@tern.example.org" }.parse().unwrap(),
        to: if inbound { "anna@tern.example.org" } else { "harbourmaster@horta.example.com" }.parse().unwrap(),
        author: (!inbound).then(|| "anna".to_owned()),
        subject: subject.into(),
        text: format!(
            "{subject}\nWind NW 5 to 6, later 4. Sea moderate.\n\nWe are four miles off and will be in by noon. Please keep the berth.\n\nAnna"
        ),
        cut: vec![
            CutNote::Lines { rule: CutRule::History, lines: 12, likely: true },
            CutNote::File { what: FileKind::Attachment, name: "papers.pdf".into(), bytes: 318_000 },
        ],
        message_id: Some(format!("<{n}.7f3a@tern.example.org>")),
        accepted,
        deadline: accepted + Duration::from_secs(4 * 86_400),
        state,
        reason: Reason::said(reason),
        way,
        next: if state == State::Queued { now + minutes(4) } else { Time::NEVER },
        tries: 1,
        steps,
        ..Message::sample()
    }
}

fn messages(app: &App, now: Time) {
    for n in 0..120 {
        let body =
            BodyIn::Bytes(b"From: anna@tern.example.org\r\nSubject: s\r\n\r\nWhole text.\r\n> quoted\r\n".to_vec());
        app.store.put(IncomingMail { messages: vec![message(n, now)], body }).unwrap();
    }
    app.store
        .write(move |tx| {
            let packets = [1, 2].map(|part| {
                let reference =
                    Reference { holder: "m138:0x001abe".into(), number: 5_354_468_575_855 + u64::from(part) };
                Packet {
                    number: 0,
                    messages: vec![Id(2)],
                    group: 0,
                    part,
                    parts: 2,
                    far_box: None,
                    address: None,
                    payload: vec![8; 171],
                    state: if part == 1 { PacketState::Sent(reference) } else { PacketState::Held(reference) },
                    at: now - minutes(2),
                    note: Reason::said(if part == 1 { "RSSI -104 dBm, SNR 3 dB" } else { "" }),
                    ask: now,
                    taking_back: false,
                    peer: None,
                    link: LinkId::FIRST,
                    charge: None,
                    mails: Vec::new(),
                }
            });
            tx.add_packets(&packets)?;
            tx.quarantine("link", Unusable::NotOurs.into(), &[0xff, 0x00, 0x12], now).map(drop)
        })
        .unwrap();
}

fn samples(app: &App, now: Time) {
    let mut samples = Vec::new();
    let mut random = 7_u32;
    for minute in (0..1440_u64).step_by(2) {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let jitter = f64::from(random >> 24) / 64.0;
        let at = now - minutes(minute);
        let wave = (minute as f64 / 90.0).sin();
        if !(300..380).contains(&minute) {
            samples.push(("noise", at, -101.0 + 4.0 * wave + jitter));
            samples.push(("temperature", at, 24.0 + 6.0 * (minute as f64 / 400.0).cos()));
        }
        if minute % 96 < 10 {
            samples.push(("rssi", at, -106.0 + 5.0 * wave + jitter));
        }
    }
    app.store
        .write(move |tx| {
            tx.samples(LinkId::FIRST, &samples)?;
            for (ago, part, words, alarm) in [
                (180, "settings", "link boat was added, driver m138, by anna on the page", false),
                (95, "link", "the modem was unplugged", true),
                (94, "link", "the modem is back on /dev/ttyUSB0", false),
                (12, "link", "a satellite acknowledged 2 packets", false),
            ] {
                let at = now - minutes(ago);
                tx.event(&Event { at, part: part.into(), link: None, kind: EventKind::Old(words.into()), alarm })?;
            }
            Ok(())
        })
        .unwrap();
}

fn facts(app: &App, now: Time) {
    app.service(Actor::command_line(0)).add_link("boat", "m138", &[("link.price".into(), "0".into())]).unwrap();
    app.status.set(|facts| {
        let health = Health {
            ready: true,
            state: DeviceReason::Ready.into(),
            port: Some("/dev/ttyUSB0".into()),
            device: "0x001abe".parse().ok(),
            firmware: Some("v3.0.1".into()),
            position: Some((38.5312, -28.6243, 6.0)),
            fix: Some(GpsFix::Full { differential: false }),
            last_satellite: Some(now - minutes(12)),
            waiting: Some(2),
            garbled: 3,
            reopened: 1,
            ..Health::default()
        };
        let mut up = Uptime::new(now);
        up.heard(true, now);
        let (name, driver) = ("boat".to_owned(), "m138".to_owned());
        facts.links.insert(
            LinkId::FIRST,
            LinkStatus { name, driver, health: Some(health), up, far_boxes: Default::default(), silent: Vec::new() },
        );
        facts.smtp = Some(PartStatus { state: PartState::TakesMail, at: now });
        facts.relay = None;
    });
    for (ago, sent, text) in [
        (60, true, "$RT @*37"),
        (60, false, "$RT RSSI=-98*1a"),
        (31, false, "$RT RSSI=-104,SNR=3,FDEV=-12,TS=2026-11-25T02:11:09,DI=0x00029a*24"),
        (30, false, "$TD SENT RSSI=-104,SNR=3,FDEV=-12,5354468575856*01"),
        (4, true, "$MT C=U*12"),
        (4, false, "$MT 1*0b"),
    ] {
        app.status.line(ConsoleLine {
            link: LinkId::FIRST,
            at: now - Duration::from_secs(ago),
            sent,
            text: text.into(),
        });
    }
}
