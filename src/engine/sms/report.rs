//! What carriers say of texts that they took, by answer or by call: only ever forward, whatever order it comes in.

use std::time::Duration;

use super::told_by_carrier;
use crate::back_off::BackOff;
use crate::clock::Time;
use crate::deliver::dsn::Kind;
use crate::deliver::sms::{Carrier, Delivery, Report, Row, SmsRefusal};
use crate::engine::{Context, outcome};
use crate::fault::Fault;
use crate::message::reason::{Arrived, TextReason};
use crate::message::{Id, Message, Reason, State};
use crate::store::{IncomingMail, TextOut, TextState, Tx, TxResult};

/// The wait before a text is asked after.
const ASK: BackOff = BackOff::doubling(FIRST_ASK, Duration::from_secs(3600));
/// A text is asked after for the first time after this.
pub const FIRST_ASK: Duration = Duration::from_secs(3);
/// Carriers report within three days, or never.
const GIVE_UP: Duration = Duration::from_secs(3 * 86_400);
/// A text that the carrier could not deliver for now is sent again so often: each time costs.
const MOST_RESENT: u32 = 2;

/// Asks the carrier how far a text got.
///
/// # Errors
/// When the store cannot be read or written; what the carrier says wrong only delays the next question.
pub fn ask(context: &Context, row: &Row, carrier: &mut dyn Carrier, text: &TextOut) -> Result<(), Fault> {
    let TextState::Taken(id) = &text.state else { return Ok(()) };
    let now = context.now();
    let fate = match () {
        () if text.carrier != row.name => Delivery::Unclear("the carrier was changed, and cannot be asked".to_owned()),
        () => match carrier.fate(id) {
            Ok(Delivery::Waiting) if now >= text.at + GIVE_UP => {
                Delivery::Unclear("no report came in 3 days".to_owned())
            }
            Ok(fate) => fate,
            Err(fault) => {
                log::info!("{}: {} cannot be asked how far it got: {fault}", text.message, row.title);
                Delivery::Waiting
            }
        },
    };
    if fate != Delivery::Waiting {
        let report = Report { id: id.clone(), tag: None, fate };
        return take(context, &text.carrier, &report);
    }
    let wait = ASK.wait(text.looks.saturating_add(1));
    let again = TextOut { looks: text.looks + 1, next: now + wait, ..text.clone() };
    context.store.write(move |tx| match tx.text(again.message)? {
        Some(live) if live.state == again.state => tx.put_text(&again),
        _ => Ok(()),
    })
}

/// Takes a report.
///
/// # Errors
/// When the store cannot be read or written.
pub fn take(context: &Context, carrier: &str, report: &Report) -> Result<(), Fault> {
    exchange(context, carrier, report)?;
    let Some((message, text)) = find(context, carrier, report)? else { return Ok(()) };
    adopt(context, &text, report)?;
    let id = message.id;
    let title = crate::deliver::sms::CARRIERS.iter().find(|row| row.name == carrier).map_or("the carrier", |r| r.title);
    match &report.fate {
        Delivery::Waiting => Ok(()),
        Delivery::Delivered => {
            step(context, id, report, State::Delivered, Arrived::Phone { carrier: title.to_owned() }.into())
        }
        Delivery::Unclear(why) => {
            let why = Box::new(Reason::said(why));
            step(context, id, report, State::Sent, TextReason::Unclear { why }.into())
        }
        Delivery::Failed(refusal) => failed(context, &message, &text, report, refusal),
    }
}

/// The message that a report is about: by the carrier's name for it, or by ours while the carrier's is not known.
fn find(context: &Context, carrier: &str, report: &Report) -> Result<Option<(Message, TextOut)>, Fault> {
    let tagged: Option<Id> = report.tag.as_ref().and_then(|tag| tag.parse().ok());
    context.store.read(|view| {
        let named = view.text_named(carrier, &report.id)?;
        let Some(id) = named.or(tagged) else { return Ok(None) };
        let (Some(text), Some(message)) = (view.text(id)?, view.message(id)?) else { return Ok(None) };
        let open = matches!(text.state, TextState::Handing | TextState::Unknown) && text.carrier == carrier;
        Ok((named.is_some() || open).then_some((message, text)))
    })
}

/// Two texts whose answers were lost have their names by the order of their requests. When the tag of a report says that
/// it was the other way round, they exchange them.
fn exchange(context: &Context, carrier: &str, report: &Report) -> Result<(), Fault> {
    let Some(tagged) = report.tag.as_ref().and_then(|tag| tag.parse::<Id>().ok()) else { return Ok(()) };
    let named = context.store.read(|view| view.text_named(carrier, &report.id))?;
    let Some(named) = named.filter(|named| *named != tagged) else { return Ok(()) };
    let (carrier, taken) = (carrier.to_owned(), TextState::Taken(report.id.clone()));
    context.store.write(move |tx| {
        let (Some(has), Some(wants)) = (tx.text(named)?, tx.text(tagged)?) else { return Ok(()) };
        let same = |text: &TextOut| text.carrier == carrier && (text.from, text.to) == (has.from, has.to);
        if has.state != taken || !same(&has) || !same(&wants) || !matches!(wants.state, TextState::Taken(_)) {
            return Ok(());
        }
        log::info!("{tagged} and {named} have each other's names at the carrier: exchanged");
        tx.put_text(&TextOut { state: wants.state.clone(), ..has.clone() })?;
        tx.put_text(&TextOut { state: has.state, ..wants })
    })
}

/// A report about a text whose answer was lost, or has not come yet, proves that the carrier took it.
fn adopt(context: &Context, text: &TextOut, report: &Report) -> Result<(), Fault> {
    let now = context.now();
    let taken = TextOut { state: TextState::Taken(report.id.clone()), looks: 0, next: now + FIRST_ASK, ..text.clone() };
    if !matches!(text.state, TextState::Handing | TextState::Unknown) {
        return Ok(());
    }
    context.store.write(move |tx| {
        let id = taken.message;
        let open = tx.text(id)?.is_some_and(|text| matches!(text.state, TextState::Handing | TextState::Unknown));
        if !open {
            return Ok(());
        }
        tx.put_text(&taken)?;
        match tx.live(id)? {
            Some(_) => tx.step(id, now, State::Sent, TextReason::TakenByReport, 0, Time::NEVER).map(drop),
            None => Ok(()),
        }
    })
}

/// True the first time that the end of a text is told; then it is over.
fn ends(tx: &mut Tx, id: Id, name: &str, resent: u32) -> TxResult<bool> {
    let Some(text) = tx.text(id)?.filter(|text| text.state == TextState::Taken(name.to_owned())) else {
        return Ok(false);
    };
    tx.put_text(&TextOut { state: TextState::Over(name.to_owned()), resent, ..text })?;
    Ok(tx.message(id)?.state == State::Sent)
}

fn step(context: &Context, id: Id, report: &Report, state: State, reason: Reason) -> Result<(), Fault> {
    let (now, name) = (context.now(), report.id.clone());
    context.store.write(move |tx| {
        let resent = tx.text(id)?.map_or(0, |text| text.resent);
        match ends(tx, id, &name, resent)? {
            true => tx.step(id, now, state, reason.clone(), 0, Time::NEVER).map(drop),
            false => Ok(()),
        }
    })
}

/// The carrier could not deliver it: it goes once more, or back to its sender.
fn failed(
    context: &Context,
    message: &Message,
    text: &TextOut,
    report: &Report,
    refusal: &SmsRefusal,
) -> Result<(), Fault> {
    let (policy, now, id, name) = (context.policy(), context.now(), message.id, report.id.clone());
    let why = Reason::from(&refusal.fault);
    let most = if refusal.once { 1 } else { MOST_RESENT };
    let again = !refusal.fault.is_permanent() && text.resent < most && now < message.deadline;
    let next = now + outcome::back_off(&policy, message.tries + text.resent + 1);
    let (resent, opted_out, number, phone) = (text.resent + 1, refusal.opted_out, text.from, text.to);
    let bill = policy.bill(message);
    let notice = if again { None } else { context.notice(&policy, message, Kind::Failed, &why) };
    log::info!("{id} could not be delivered by the carrier");
    context.store.write(move |tx| {
        if opted_out {
            tx.opt_out(number, phone, Some(&told_by_carrier(now, &why.to_string())))?;
        }
        if !ends(tx, id, &name, resent)? {
            return Ok(());
        }
        if again {
            let why = Box::new(why.clone());
            return outcome::requeue(tx, id, bill.clone(), TextReason::Again { why }, now, next);
        }
        tx.step(id, now, State::Returned, why.clone(), 0, Time::NEVER)?;
        notice.as_ref().map_or(Ok(()), |notice: &IncomingMail| tx.add(notice).map(drop))
    })
}
