//! The simulated Hive seen by a plain HTTP client.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::*;

const NONE: [u64; 0] = [];

struct Client {
    sim: Handle,
    agent: ureq::Agent,
    token: String,
}

impl Client {
    fn start(arguments: &[&str]) -> Self {
        let sim = start(Options::from_args(&["hive"], arguments).unwrap()).unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .proxy(None)
            .build()
            .into();
        let mut client = Self { sim, agent, token: String::new() };
        client.token = client.log_in("demo")["token"].as_str().unwrap_or_default().to_owned();
        client
    }

    fn log_in(&self, password: &str) -> Value {
        let url = format!("{}/login", self.sim.url());
        let mut answer = self.agent.post(url).send_form([("username", "demo"), ("password", password)]).unwrap();
        answer.body_mut().read_json().unwrap()
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let request = self.agent.get(format!("{}{path}", self.sim.url()));
        let mut answer = request.header("Authorization", format!("Bearer {}", self.token)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or_default())
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.sim.url()));
        let mut answer = request.header("Authorization", format!("Bearer {}", self.token)).send_json(body).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or_default())
    }

    fn command(&self, line: &str) -> String {
        let answer = self.sim.command(line);
        assert!(answer.starts_with("ok"), "{line}: {answer}");
        answer.trim_start_matches("ok").trim().to_owned()
    }

    /// The packet numbers of a listing.
    fn list(&self, query: &str) -> Vec<u64> {
        let (status, list) = self.get(&format!("/api/v1/messages{query}"));
        assert_eq!(status, 200, "{query}: {list}");
        list.as_array().unwrap().iter().map(|item| item["packetId"].as_u64().unwrap()).collect()
    }
}

#[test]
fn nothing_without_a_log_in() {
    let mut client = Client::start(&[]);
    assert_eq!(client.log_in("wrong")["status"], "401 UNAUTHORIZED");
    assert_eq!(client.get("/api/v1/usercontext").1["username"], "demo");
    let cookie = client.agent.get(format!("{}/api/v1/messages", client.sim.url()));
    let cookie = cookie.header("Cookie", format!("a=b; JSESSIONID={}", client.token));
    assert_eq!(cookie.call().unwrap().status().as_u16(), 200);
    assert_eq!(client.get("/logout").0, 204);
    assert_eq!(client.get("/api/v1/messages").0, 401);
    client.token = client.log_in("demo")["token"].as_str().unwrap().to_owned();
    assert_eq!(client.list(""), NONE);
    client.command("expire-tokens");
    assert_eq!(client.get("/logout").0, 401);
}

#[test]
fn every_filter_of_the_listing_filters() {
    let client = Client::start(&["--device", "6846"]);
    let ids: Vec<u64> = (0..3).map(|_| client.command("uplink 6846 0a").parse().unwrap()).collect();
    let other: u64 = client.command("uplink 17 0b").parse().unwrap();
    let body = json!({"deviceType": 1, "deviceId": 6846, "userApplicationId": 7, "data": "AQ=="});
    let down = client.post("/api/v1/messages", &body).1["packetId"].as_u64().unwrap();

    assert_eq!(client.list(""), [other, ids[2], ids[1], ids[0]]);
    assert_eq!(client.list("?deviceid=0x001abe&count=2"), [ids[2], ids[1]]);
    assert_eq!(client.list(&format!("?deviceid=6846&count=2&beforepacketid={}", ids[1])), [ids[0]]);
    assert_eq!(client.list(&format!("?packetid={}&status=2", ids[1])), [ids[1]]);
    assert_eq!(client.list("?direction=todevice"), NONE);
    assert_eq!(client.list("?direction=todevice&status=1"), [down]);
    assert_eq!(client.list("?direction=all&status=1&userApplicationId=7"), [down]);
    assert_eq!(client.list("?direction=all&status=1&userApplicationId=8"), NONE);
    assert_eq!(client.list("?organizationId=1"), NONE);
    assert_eq!(client.list("?devicetype=2"), NONE);
    assert_eq!(client.list("?startDate=2099-01-01T00:00:00Z"), NONE);
    assert_eq!(client.list("?endDate=2099-01-01T00:00:00Z&count=1"), [other]);
    assert_eq!(client.get("/api/v1/messages?count=x").0, 400);

    assert_eq!(client.post(&format!("/api/v1/messages/rxack/{other}"), &json!({})).1["status"], "OK");
    assert_eq!(client.post(&format!("/api/v1/messages/rxack/{other}"), &json!({})).1["status"], "OK");
    assert_eq!(client.list("?deviceid=17&status=2"), [other]);
    client.post(&format!("/api/v1/messages/rxack/{other}?status=0"), &json!({}));
    assert_eq!(client.list("?deviceid=17"), [other]);
    assert_eq!(client.get(&format!("/api/v1/messages/1000/rxack/{other}")).1["status"], "OK");
    assert!(client.post("/api/v1/messages/rxack/5", &json!({})).1["status"].as_str().unwrap().starts_with("ERROR"));
    assert_eq!(client.get("/api/v1/devices?deviceid=0x1abe").1[0]["twoWayEnabled"], true);
}

#[test]
fn packets_to_send_are_checked() {
    let client = Client::start(&["--device", "0x001abe"]);
    let good = json!({"deviceType": 1, "deviceId": 6846, "userApplicationId": 1000, "data": "AQ=="});
    for (field, value, status) in [
        ("deviceType", json!(0), 400),
        ("deviceId", json!("6846"), 400),
        ("deviceId", json!(17), 403),
        ("data", json!("@@@"), 400),
        ("data", json!(""), 400),
        ("data", json!("AAAA".repeat(65)), 400),
        ("userApplicationId", json!(65_000), 403),
        ("organizationId", json!(1), 403),
    ] {
        let mut body = good.clone();
        body[field] = value;
        assert_eq!(client.post("/api/v1/messages", &body).0, status, "{body}");
    }
    let (status, answer) = client.post("/api/v1/messages", &good);
    assert_eq!((status, &answer["status"]), (200, &"OK".into()));
    let id = answer["packetId"].as_u64().unwrap();
    client.command(&format!("status {id} -3"));
    let attempts = client.get(&format!("/api/v1/messages/details/{id}")).1["attempts"].clone();
    let states: Vec<_> = attempts.as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(states, [-3, 1]);
}

#[test]
fn it_remembers_over_a_restart_and_serves_its_sockets() {
    let folder = std::env::temp_dir().join(format!("satpost-hive-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (state, control) = (path("state"), path("control"));
    let arguments = ["--state", &state, "--control", &control];
    let client = Client::start(&arguments);
    let first: u64 = client.command("uplink 6846 0a").parse().unwrap();

    let mut stream = UnixStream::connect(&control).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"fail nothing 401\nclear-faults\nmessages\njournal\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "error no such endpoint");
    assert_eq!(lines.next().unwrap(), "ok");
    let packet: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(packet["packetId"], first);
    assert_eq!(lines.next().unwrap(), ".");
    let request: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((&request["path"], &request["body"]), (&"/hive/login".into(), &"".into()));

    assert!(start(Options::from_args(&["hive"], &arguments).unwrap()).is_err(), "its sockets are in use");
    drop(client);
    assert!(!folder.join("control").exists());
    let client = Client::start(&arguments);
    assert_eq!(client.list(""), [first]);
    drop(client);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn commands_that_are_none_get_an_error() {
    let client = Client::start(&[]);
    for line in [
        "",
        "x",
        "uplink",
        "uplink 0 0a",
        "uplink 6846 0",
        "fail list",
        "fail list x",
        "status 1 2",
        "down",
        "uplink 1 0a x",
    ] {
        assert!(client.sim.command(line).starts_with("error "), "{line}");
    }
    assert!(client.sim.sim.sky("{}").starts_with(r#"{"error":"#));
}

#[test]
fn help_names_every_word() {
    let help = Options::from_args(&["satpost", "simulate", "hive"], &["--help"]).unwrap_err().output;
    let words = ["uplink", "expire-tokens", "clear-faults", "down on|off", "status", "journal", "messages"];
    for word in faults::MENU.names().into_iter().chain(words) {
        assert!(help.contains(word), "{word}\n{help}");
    }
}
