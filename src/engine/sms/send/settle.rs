//! Texts whose hand-over is open: the request left, and its answer was lost. They are looked up at the carrier; what
//! cannot be found out is left to their owner.
//!
//! A carrier whose list shows no texts cannot say which of several it has. Those of one phone are settled together: when
//! it lists as many as are open, each has the name of its turn; with any other number none is given a name on a guess.

use std::time::Duration;

use super::{PAUSE, Texts, outgoing, taken};
use crate::clock::Time;
use crate::deliver::sms::Found;
use crate::fault::Fault;
use crate::message::reason::{Doubt, TextReason};
use crate::message::{Id, Message, Reason, State};
use crate::settings::Key;
use crate::store::{TextOut, TextState};

/// A lost request is looked up so long after its answer was lost, and again so long after the first look and the
/// patience with the carrier: one that answers so late may also do so late what it was asked.
const LOOKS: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(9)];
/// Open texts that began this close to each other may be in one list: twice what a carrier's clock may be off.
const CLOSE: Duration = Duration::from_secs(240);

/// Since when the carrier has to be asked so that its list has all that were open with a text that began at `at`. `open` is
/// in the order of their beginnings.
fn together_since(open: &[TextOut], at: Time) -> Time {
    open.iter()
        .rev()
        .map(|text| text.at)
        .filter(|began| *began < at)
        .fold(at, |since, began| if began + CLOSE >= since { began } else { since })
}

/// The name of a text among names that the carrier cannot tell apart, oldest first; `None` when that would be a guess.
fn own(open: &[TextOut], since: Time, id: Id, names: &[String]) -> Option<String> {
    let together: Vec<_> = open.iter().filter(|text| text.at >= since).collect();
    let turn = together.iter().position(|text| text.message == id)?;
    (together.len() == names.len()).then(|| names[turn].clone())
}

/// Notes when the carrier is looked at next, and says so.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn look_later(texts: &Texts, message: &Message, mut record: TextOut, why: Doubt) -> Result<(), Fault> {
    let Some(wait) = LOOKS.get(record.looks as usize) else { return Ok(()) };
    let (now, id) = (texts.context.now(), message.id);
    if record.next == Time::NEVER {
        let patience = texts.context.store.settings().span(Key::SmsTimeout);
        record.next = now + *wait + if record.looks == 0 { Duration::ZERO } else { patience };
    }
    let next = record.next;
    let reason = Reason::from(TextReason::Asking { why });
    let known = message.reason == reason;
    texts.context.store.write(move |tx| {
        let waits = tx.live(id)?.is_some_and(|live| live.state == State::Queued);
        if !waits || tx.text(id)?.is_none_or(|text| text.state != TextState::Handing) {
            return Ok(());
        }
        tx.put_text(&record)?;
        match known {
            true => tx.change(id, |message| message.next = next).map(drop),
            false => tx.step(id, now, State::Queued, reason.clone(), 0, next).map(drop),
        }
    })
}

/// Finds out how a hand-over ended; true when the carrier certainly has it not, and it may be sent.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn settle_open(texts: &mut Texts, message: &Message, mut record: TextOut) -> Result<bool, Fault> {
    let context = texts.context;
    let (row, carrier) = match (texts.row, &mut texts.carrier) {
        (Some(row), Ok(carrier)) if row.name == record.carrier => (row, carrier),
        (Some(row), _) if row.name == record.carrier => {
            return look_failed(texts, message, &record, Doubt::CannotAsk).map(|()| false);
        }
        _ => return ask_owner(texts, message, record, Doubt::OtherCarrier).map(|()| false),
    };
    if context.now() < record.next {
        return look_later(texts, message, record, Doubt::AnswerLost).map(|()| false);
    }
    let (name, id) = (row.name, message.id);
    // What is being looked for has no name yet: one that is known belongs to another text, or to an earlier try.
    let known = |sid: &str| context.store.read(|view| view.text_named(name, sid)).is_ok_and(|of| of.is_some());
    let open = context.store.read(|view| view.texts_open(name, record.from, record.to))?;
    let since = together_since(&open, record.at);
    let found = carrier.find(&outgoing(&context.store.settings(), message, record.from, record.to), since, &known);
    let found = found.map(|found| match found {
        Found::Alike(names) => own(&open, since, id, &names).map_or(Found::Nothing { certain: false }, Found::Taken),
        found => found,
    });
    match found {
        // Between the reading and here a call may have brought the name for another text: it is looked at again.
        Ok(Found::Taken(sid)) if known(&sid) => look_later(texts, message, record, Doubt::AnswerLost).map(|()| false),
        Ok(Found::Taken(sid)) => taken(texts, message, record, sid, true).map(|()| false),
        Ok(Found::Alike(_)) => Ok(false),
        Ok(Found::Nothing { certain }) => {
            (record.looks, record.next) = (record.looks + 1, Time::NEVER);
            if (record.looks as usize) < LOOKS.len() {
                return look_later(texts, message, record, Doubt::AnswerLost).map(|()| false);
            }
            if !certain {
                return ask_owner(texts, message, record, Doubt::NotListed).map(|()| false);
            }
            record.state = TextState::Over(String::new());
            let keep = record;
            context.store.write(move |tx| match tx.text(id)? {
                Some(text) if text.state == TextState::Handing => tx.put_text(&keep).map(|()| true),
                _ => Ok(false),
            })
        }
        Err(fault) => {
            look_failed(texts, message, &record, Doubt::Fault(Box::new(Reason::from(&fault)))).map(|()| false)
        }
    }
}

/// Nobody knows yet; at the end of its time the sender hears just that.
fn look_failed(texts: &mut Texts, message: &Message, record: &TextOut, why: Doubt) -> Result<(), Fault> {
    let context = texts.context;
    texts.paused = context.now() + PAUSE;
    if context.now() < message.deadline {
        return context.wait_at_least(message, TextReason::Asking { why }, PAUSE);
    }
    let over = TextOut { state: TextState::Unknown, ..record.clone() };
    context.store.write(move |tx| tx.put_text(&over))?;
    context.give_back(message, State::Expired, TextReason::LateUnknown { why })
}

/// It cannot be found out: its owner decides whether it is sent again.
fn ask_owner(texts: &Texts, message: &Message, record: TextOut, why: Doubt) -> Result<(), Fault> {
    let context = texts.context;
    let (id, now, next) = (message.id, context.now(), context.policy().next_look(message, Time::NEVER));
    let reason = TextReason::NotKnown { why };
    let record = TextOut { state: TextState::Unknown, ..record };
    context.store.write(move |tx| {
        if tx.text(id)?.is_none_or(|text| text.state != TextState::Handing) {
            return Ok(());
        }
        tx.put_text(&record)?;
        match tx.live(id)? {
            Some(_) => tx.step(id, now, State::Held, reason.clone(), 0, next).map(drop),
            None => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(id: u64, at: i64) -> TextOut {
        let phone = || "+14155550123".parse().unwrap();
        TextOut {
            message: Id(id),
            carrier: "bandwidth".to_owned(),
            from: phone(),
            to: phone(),
            state: TextState::Handing,
            at: Time::from_seconds(at),
            looks: 0,
            resent: 0,
            next: Time::NEVER,
        }
    }

    #[test]
    fn texts_of_one_phone_get_names_together_or_not_at_all() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let open = [text(1, 1000), text(2, 1010)];
        let since = together_since(&open, Time::from_seconds(1010));
        assert_eq!(since, Time::from_seconds(1000));
        assert_eq!(own(&open, since, Id(1), &names(&["a", "b"])).as_deref(), Some("a"));
        assert_eq!(own(&open, since, Id(2), &names(&["a", "b"])).as_deref(), Some("b"));
        for few_or_many in [&[][..], &["a"], &["a", "b", "c"]] {
            assert_eq!(own(&open, since, Id(1), &names(few_or_many)), None, "{few_or_many:?}");
        }
        assert_eq!(own(&open, since, Id(9), &names(&["a", "b"])), None);
    }

    #[test]
    fn one_that_is_open_for_long_does_not_make_the_next_one_unknown() {
        let open = [text(1, 1000), text(2, 9000)];
        let since = together_since(&open, Time::from_seconds(9000));
        assert_eq!(since, Time::from_seconds(9000));
        assert_eq!(own(&open, since, Id(2), &["b".to_owned()]).as_deref(), Some("b"));
        // Each is close to the next one: the list of the last has them all.
        let open = [text(1, 1000), text(2, 1200), text(3, 1400)];
        assert_eq!(together_since(&open, Time::from_seconds(1400)), Time::from_seconds(1000));
        assert_eq!(together_since(&open, Time::from_seconds(1000)), Time::from_seconds(1000));
    }
}
