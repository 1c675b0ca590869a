//! The HTTP interface of the simulated Hive, after the vendor's OpenAPI file ("Hive Service REST API", v1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::faults::{self, error};
use super::state::{ACKNOWLEDGED, MAX_PAYLOAD, NEW, ORGANIZATION, Packet, State};
use crate::sim::faults::{Fault, Faults};
use crate::sim::http::{Answer, Request};

/// Entries that the journal keeps.
const JOURNAL: usize = 10_000;
const DEFAULT_COUNT: usize = 100;
const MAX_COUNT: usize = 1000;

/// The Hive behind its sockets.
pub struct Hive {
    /// Log-in name.
    pub user: String,
    /// Password.
    pub password: String,
    /// What it knows.
    pub state: State,
    /// What is to go wrong.
    pub faults: Faults,
    /// Requests, as JSON lines.
    pub journal: std::collections::VecDeque<String>,
}

impl Hive {
    /// Answers a request.
    pub fn handle(&mut self, request: &Request) -> Answer {
        let path = request.path.strip_prefix("/hive").unwrap_or_default().trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let endpoint = endpoint(&request.method, &parts);
        let fault = endpoint.and_then(|endpoint| self.faults.next(endpoint));
        let answer = match fault.and_then(faults::instead) {
            Some(answer) => {
                if fault == Some(Fault::Status(401)) {
                    self.state.log_out(token(request).unwrap_or_default());
                }
                answer
            }
            None => {
                if fault == Some(Fault::Own(faults::DUPLICATE)) {
                    self.state.duplicate();
                }
                let answer = self.route(request, &parts);
                match fault {
                    Some(fault) => faults::spoil(fault, answer),
                    None => answer,
                }
            }
        };
        self.note(request, endpoint, fault, &answer);
        answer
    }

    fn note(&mut self, request: &Request, endpoint: Option<&str>, fault: Option<Fault>, answer: &Answer) {
        // The form of a log-in holds the password.
        let body = if endpoint == Some("login") { "".into() } else { String::from_utf8_lossy(&request.body) };
        let entry = json!({
            "at": crate::clock::Clock::system().now().to_string(),
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": body,
            "status": answer.status,
            "fault": fault.map(Fault::name),
        });
        self.journal.push_back(entry.to_string());
        if self.journal.len() > JOURNAL {
            self.journal.pop_front();
        }
    }

    fn route(&mut self, request: &Request, parts: &[&str]) -> Answer {
        if let ("POST", ["login"]) = (request.method.as_str(), parts) {
            return self.log_in(request);
        }
        let token = token(request).filter(|token| self.state.knows(token));
        let Some(token) = token else { return error(401, "log in first") };
        match (request.method.as_str(), parts) {
            ("GET", ["logout"]) => {
                self.state.log_out(token);
                Answer::new(204, "text/plain", Vec::new())
            }
            ("POST", ["api", "v1", "messages"]) => self.send(&request.body),
            ("POST", ["api", "v1", "messages", "rxack", id]) | ("GET", ["api", "v1", "messages", _, "rxack", id]) => {
                self.acknowledge(id, &request.query)
            }
            ("GET", ["api", "v1", "messages", "count"]) => self.count(),
            ("GET", ["api", "v1", "messages", "details", id]) => self.details(id),
            ("GET", ["api", "v1", "messages"] | ["api", "v1", "messages", _]) => self.list(&request.query),
            ("GET", ["api", "v1", "devices", "count"]) => {
                Answer::new(200, "text/plain", self.state.two_way.len().to_string().into_bytes())
            }
            ("GET", ["api", "v1", "devices"]) => self.devices(&request.query),
            ("GET", ["api", "v1", "usercontext"]) => Answer::json(
                200,
                &json!({"userId": 1, "username": self.user, "organizationId": ORGANIZATION, "enabled": true,
                        "registered": true, "role": "USER", "twoWayEnabled": true}),
            ),
            _ => error(404, "no such page"),
        }
    }

    fn log_in(&mut self, request: &Request) -> Answer {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        // Public clients were seen to put the fields into the query.
        let field = |name| parameter(&form, name).or_else(|| parameter(&request.query, name)).unwrap_or_default();
        if field("username") != self.user || field("password") != self.password {
            return error(401, "wrong user or password");
        }
        match self.state.log_in() {
            Ok(token) => {
                let mut answer = Answer::json(200, &json!({"token": token}));
                answer.headers.push(("Set-Cookie", format!("JSESSIONID={token}; Path=/; Secure; HttpOnly;")));
                answer
            }
            Err(why) => error(500, &why.to_string()),
        }
    }

    fn list(&self, query: &str) -> Answer {
        let number = |name| parameter(query, name).map(|text| parse_number(&text));
        let asked =
            ["organizationId", "userApplicationId", "devicetype", "deviceid", "count", "beforepacketid", "packetid"];
        if let Some(name) = asked.iter().find(|name| number(name) == Some(None)) {
            return error(400, &format!("{name} is not a number"));
        }
        let number = |name| number(name).flatten();
        if let Some(id) = number("packetid") {
            return Answer::json(200, &self.state.all().filter(|packet| packet.packet_id == id).map(item).collect());
        }
        let status = match parameter(query, "status").map(|text| text.parse::<i64>()) {
            None => NEW,
            Some(Ok(status)) => status,
            Some(Err(_)) => return error(400, "status is not a number"),
        };
        let direction = parameter(query, "direction").unwrap_or_else(|| "fromdevice".to_owned());
        let moment = |name| parameter(query, name).and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let wanted = |packet: &&Packet| {
            let at = jiff::Timestamp::from_millisecond(packet.at.0).unwrap_or_default();
            packet.status == status
                && (direction == "all" || packet.to_device == (direction == "todevice"))
                && number("organizationId").is_none_or(|wanted| wanted == ORGANIZATION)
                && number("userApplicationId").is_none_or(|wanted| wanted == u64::from(packet.app))
                && number("devicetype").is_none_or(|wanted| wanted == 1)
                && number("deviceid").is_none_or(|wanted| wanted == u64::from(packet.device))
                && number("beforepacketid").is_none_or(|before| packet.packet_id < before)
                && moment("startDate").is_none_or(|start| at >= start)
                && moment("endDate").is_none_or(|end| at < end)
        };
        let count = number("count").map_or(DEFAULT_COUNT, |count| usize::try_from(count).unwrap_or(MAX_COUNT));
        let page = self.state.all().rev().filter(wanted).take(count.min(MAX_COUNT)).map(item).collect();
        Answer::json(200, &page)
    }

    fn acknowledge(&mut self, id: &str, query: &str) -> Answer {
        let id = id.parse().unwrap_or(0);
        let status = match parameter(query, "status").as_deref() {
            None | Some("2") => ACKNOWLEDGED,
            Some("0") => NEW,
            Some(_) => return error(400, "status is 0 or 2"),
        };
        let known = self.state.find(id).is_some_and(|packet| !packet.to_device);
        if !known || !self.state.set_status(id, status) {
            return Answer::json(200, &json!({"packetId": id, "status": "ERROR unknown packet"}));
        }
        self.saved(id)
    }

    fn send(&mut self, body: &[u8]) -> Answer {
        let Ok(Value::Object(message)) = serde_json::from_slice(body) else { return error(400, "no JSON object") };
        let number = |name| message.get(name).and_then(Value::as_u64);
        let device = number("deviceId").and_then(|id| u32::try_from(id).ok());
        let app = number("userApplicationId").and_then(|id| u16::try_from(id).ok());
        let (Some(device), Some(app), Some(1)) = (device, app, number("deviceType")) else {
            return error(400, "deviceType 1, deviceId and userApplicationId have to be numbers");
        };
        let data = message.get("data").and_then(Value::as_str).unwrap_or_default();
        match STANDARD.decode(data) {
            Ok(payload) if (1..=MAX_PAYLOAD).contains(&payload.len()) => {}
            _ => return error(400, "data has to be the base64 of 1 to 192 bytes"),
        }
        if app >= 65_000 || number("organizationId").is_some_and(|id| id != ORGANIZATION) {
            return error(403, "not your application or organization");
        }
        if !self.state.two_way.contains(&device) {
            return error(403, "the device is not two-way enabled");
        }
        let id = self.state.downlink(device, app, data.to_owned());
        self.saved(id)
    }

    /// Says OK only when the file has it.
    fn saved(&self, id: u64) -> Answer {
        match self.state.save() {
            Ok(()) => Answer::json(200, &json!({"packetId": id, "status": "OK"})),
            Err(why) => error(500, &why.to_string()),
        }
    }

    fn details(&self, id: &str) -> Answer {
        let id = id.parse().unwrap_or(0);
        let attempts: Vec<_> = self.state.all().filter(|packet| packet.message_id == id).map(item).collect();
        Answer::json(200, &json!({"messageId": id, "attempts": attempts}))
    }

    fn count(&self) -> Answer {
        Answer::json(200, &json!({"totalMessageCount": self.state.all().count(), "messageCountsByApplicationId": []}))
    }

    fn devices(&self, query: &str) -> Answer {
        let wanted = parameter(query, "deviceid").and_then(|text| parse_number(&text));
        let devices = self.state.two_way.iter().filter(|id| wanted.is_none_or(|wanted| wanted == u64::from(**id)));
        let device = |id: &u32| {
            json!({"deviceType": 1, "deviceId": id, "deviceName": format!("F-0x{id:05x}"),
                   "organizationId": ORGANIZATION, "status": 0, "twoWayEnabled": true, "metadata": {}})
        };
        Answer::json(200, &devices.map(device).collect())
    }
}

fn endpoint(method: &str, parts: &[&str]) -> Option<&'static str> {
    match (method, parts) {
        ("POST", ["login"]) => Some("login"),
        ("POST", ["api", "v1", "messages"]) => Some("send"),
        (_, ["api", "v1", "messages", .., "rxack", _]) => Some("ack"),
        ("GET", ["api", "v1", "messages", ..]) => Some("list"),
        _ => None,
    }
}

fn token(request: &Request) -> Option<&str> {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let cookies = request.header("cookie").unwrap_or_default().split(';');
    bearer.or_else(|| cookies.filter_map(|cookie| cookie.trim().strip_prefix("JSESSIONID=")).next())
}

/// One packet as the listing shows it.
pub fn item(packet: &Packet) -> Value {
    let stamp = packet.at.to_string();
    json!({
        "packetId": packet.packet_id,
        "messageId": packet.message_id,
        "deviceType": 1,
        "deviceId": packet.device,
        "deviceName": format!("F-0x{:05x}", packet.device),
        "direction": if packet.to_device { 2 } else { 1 },
        "dataType": 6,
        "userApplicationId": packet.app,
        "organizationId": ORGANIZATION,
        "len": STANDARD.decode(&packet.data).map_or(0, |payload| payload.len()),
        "data": packet.data,
        "ackPacketId": packet.ack_packet,
        "status": packet.status,
        // Without a zone, as the real ones were.
        "hiveRxTime": stamp.trim_end_matches('Z'),
    })
}

/// A field of a form or query, decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// A number in decimal, or in hex behind `0x`.
fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
