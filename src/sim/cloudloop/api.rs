//! The Data API: messages for terminals, and the list of messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{faults, thing};
use crate::clock::Time;
use crate::hex;
use crate::sim::faults::Fault;
use crate::sim::ground::terminals::{NotQueued, Terminals};
use crate::sim::http::{Answer, Request};

/// The list shows so many bytes of a message.
const SNIPPET: usize = 128;

/// Fields of a form.
type Form<'f> = dyn Fn(&str) -> String + 'f;

/// What an endpoint does.
type Act = fn(&mut Terminals, &Form) -> Result<Value, (u16, &'static str)>;

/// Answers a request of somebody who should know this token.
pub(super) fn answer(token: &str, terminals: &mut Terminals, request: &Request) -> Answer {
    let fields: Vec<_> = form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (endpoint, act): (_, Act) = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/Data/DoSendSbdMessage") => ("mt", sbd),
        ("POST", "/Data/DoSendImtMessage") => ("mt", imt),
        ("POST", "/Data/GetMessageRecordsForThing") => ("list", list),
        _ => return Answer::json(404, &json!({"error": "No such endpoint"})),
    };
    let fault = terminals.faults.next(endpoint);
    if let Some(answer) = fault.and_then(faults::instead) {
        return answer;
    }
    let said = match field("token") == token {
        true => act(terminals, &field),
        false => Err((401, "Authentication failed")),
    };
    let (status, body) = match said {
        Ok(body) => (200, body),
        Err((status, why)) => (status, json!({"error": why})),
    };
    terminals.journal.push(json!({endpoint: body, "fault": fault.map(Fault::name)}).to_string());
    let answer = Answer::json(status, &body);
    match fault {
        Some(fault) => fault.spoil(answer),
        None => answer,
    }
}

fn sbd(terminals: &mut Terminals, field: &Form) -> Result<Value, (u16, &'static str)> {
    queue(terminals, field, false, &field("message"))
}

fn imt(terminals: &mut Terminals, field: &Form) -> Result<Value, (u16, &'static str)> {
    let bytes = STANDARD.decode(field("message")).map_err(|_| (400, "message is not base64"))?;
    if !field("topic").starts_with("IMT_TOPIC_") {
        return Err((400, "No such topic"));
    }
    queue(terminals, field, true, &hex::encode(&bytes))
}

fn queue(terminals: &mut Terminals, field: &Form, imt: bool, data: &str) -> Result<Value, (u16, &'static str)> {
    let imei = named(terminals, &field("thing")).filter(|imei| terminals.is_imt(imei) == imt);
    let imei = imei.ok_or((404, "No such thing, or not for this kind of message"))?;
    match terminals.queue(&imei, data) {
        Ok(id) => Ok(json!({"id": id_of(id)})),
        Err(NotQueued::NoTerminal) => Err((404, "No such thing")),
        Err(NotQueued::Empty) => Err((400, "There is no message")),
        Err(NotQueued::NotHex) => Err((400, "message is not hex")),
        Err(NotQueued::TooLong) => Err((400, "The message is too long")),
        Err(NotQueued::Full) => Err((400, "Too many messages wait for the thing")),
    }
}

/// Lists what came from a terminal and went to it in a span of time.
fn list(terminals: &mut Terminals, field: &Form) -> Result<Value, (u16, &'static str)> {
    let imei = named(terminals, &field("thing")).ok_or((404, "No such thing"))?;
    let moment = |name: &str| {
        let text = format!("{}Z", field(name).replace(' ', "T"));
        let moment: Option<jiff::Timestamp> = text.parse().ok();
        moment.map(|moment| Time::from_seconds(moment.as_second())).ok_or((400, "from and to are moments"))
    };
    let (from, to) = (moment("from")?, moment("to")?);
    let show = |id: String, direction: &str, data: &str, at: Time| {
        let snippet = data.get(..2 * SNIPPET).unwrap_or(data);
        let stamp = at.to_string();
        json!({"id": id, "direction": direction, "size": data.len() / 2, "snippet": snippet,
               "at": stamp.trim_end_matches('Z')})
    };
    let ups = terminals.ups.iter().enumerate().filter(|(_, up)| up.imei == imei && (from..=to).contains(&up.at));
    let ups = ups.map(|(at, up)| show(format!("up{at}"), "MO", &up.data, up.at));
    let downs = terminals.downs.iter().filter(|down| down.imei == imei && (from..=to).contains(&down.at));
    let downs = downs.map(|down| show(id_of(down.id), "MT", &down.data, down.at));
    Ok(json!({"messageRecords": ups.chain(downs).collect::<Vec<_>>()}))
}

/// The terminal that a thing is.
fn named(terminals: &Terminals, name: &str) -> Option<String> {
    terminals.known().find(|imei| thing(imei) == name).map(str::to_owned)
}

/// What a message is called: letters and digits, as the service's own names are.
fn id_of(number: u64) -> String {
    format!("Message{number}")
}
