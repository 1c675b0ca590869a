//! The carriers' own libraries as judges: of the simulators, of what the box sends, and of the calls that it takes.

use std::path::Path;

use serde_json::Value;

use crate::support::command::python_with;
use crate::support::ground::{ANNA, BEN, Ground, MUM, PUBLIC, wait_message};
use crate::support::{SOON, wait_for};

/// Runs a Python program that finds the libraries; its words of output, each line a JSON value.
#[track_caller]
fn judge(program: &str, arguments: &[&str]) -> Vec<Value> {
    let libraries = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/carriers");
    let begin = "import sys, json\nsys.path.insert(0, sys.argv.pop(1))\n";
    let all = [&[libraries.to_str().unwrap()], arguments].concat();
    let said = python_with(&format!("{begin}{program}"), &all, "");
    said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// Twilio's client, told where Twilio is.
const TWILIO: &str = r#"
from twilio.rest import Client
from twilio.http.http_client import TwilioHttpClient
from twilio.base.exceptions import TwilioRestException
class Here(TwilioHttpClient):
    def request(self, method, url, *args, **more):
        return super().request(method, url.replace('https://api.twilio.com', sys.argv[1]), *args, **more)
def client(token='secret', account='AC1'):
    return Client(account, token, http_client=Here())
"#;

/// Twilio's library sends, lists, fetches and meets errors at the simulator as at Twilio.
#[test]
#[ignore = "needs twilio, which tests/run installs"]
fn twilio_s_library_takes_the_simulator_for_twilio() {
    let ground = Ground::start("twilio");
    let (bad, late) = ("+14155550124", "+14155550125");
    ground.says(&format!("reject {bad} 21610"));
    ground.says(&format!("reject {late} 30005"));
    ground.text(MUM, ANNA, "From a phone");
    let program = r#"
import datetime, time
url, anna, mum, bad, late = sys.argv[1:6]
api = client()
sent = api.messages.create(to=mum, from_=anna, body='Hällo & 100% 😀', status_callback='https://box.example.org/x?m=1')
print(json.dumps(['sent', sent.sid[:2], sent.status, sent.to, sent.from_, sent.body, sent.direction, sent.num_segments]))
def settled(sid):
    for _ in range(200):
        text = api.messages(sid).fetch()
        if text.status in ('delivered', 'undelivered'): return text
        time.sleep(0.05)
text = settled(sent.sid)
print(json.dumps(['fetched', text.status, text.error_code, isinstance(text.date_sent, datetime.datetime), text.uri.endswith(text.sid + '.json')]))
text = settled(api.messages.create(to=late, from_=anna, body='x').sid)
print(json.dumps(['failed', text.status, text.error_code]))
yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
inbound = [text.body for text in api.messages.list(to=anna, date_sent_after=yesterday) if text.direction == 'inbound']
print(json.dumps(['inbound', inbound]))
for at in range(7): api.messages.create(to=mum, from_=anna, body='page %d' % at)
print(json.dumps(['paged', len(api.messages.list(to=mum, page_size=3)), len(api.messages.list(to=mum, page_size=3, limit=4))]))
def fails(act):
    try: act()
    except TwilioRestException as why: print(json.dumps(['error', why.status, why.code]))
fails(lambda: client('wrong').messages.create(to=mum, from_=anna, body='x'))
fails(lambda: client(account='AC2').messages.create(to=mum, from_=anna, body='x'))
fails(lambda: api.messages('SM0').fetch())
fails(lambda: api.messages.create(to='+1', from_=anna, body='x'))
fails(lambda: api.messages.create(to=mum, from_=anna))
fails(lambda: api.messages.create(to=bad, from_=anna, body='x'))
"#;
    let said = judge(&format!("{TWILIO}{program}"), &[&ground.url, ANNA, MUM, bad, late]);
    let expected = serde_json::json!([
        ["sent", "SM", "queued", MUM, ANNA, "Hällo & 100% 😀", "outbound-api", "1"],
        ["fetched", "delivered", null, true, true],
        ["failed", "undelivered", 30005],
        ["inbound", ["From a phone"]],
        ["paged", 8, 4],
        ["error", 401, 20003],
        ["error", 401, 20003],
        ["error", 404, 20404],
        ["error", 400, 21211],
        ["error", 400, 21602],
        ["error", 400, 21610],
    ]);
    assert_eq!(Value::from(said), expected);
}

/// What the box asks of a carrier is what the carrier's library asks: same way, same place, same fields.
#[test]
#[ignore = "needs twilio and bandwidth-sdk, which tests/run installs"]
fn the_box_asks_as_the_libraries_do() {
    for which in ["twilio", "bandwidth"] {
        let ground = Ground::start(which);
        let gateway = ground.gateway(which, &[("sms.public_url", PUBLIC), ("sms.poll", "3600")]).started();
        ground.call(&gateway);
        let words = "Ümlaut & 100% + \"marks\" 😀";
        gateway.cli_ok(&["send", "--from", "anna", "--text", words, MUM], "");
        wait_message(&gateway, words, "delivered");
        let program = match which {
            "twilio" => format!(
                "{TWILIO}client().messages.create(to=sys.argv[3], from_=sys.argv[2], body=sys.argv[4], status_callback='https://x.example')"
            ),
            _ => format!("{BANDWIDTH}create(sys.argv[2], sys.argv[3], sys.argv[4], 'tag')"),
        };
        judge(&program, &[&ground.url, ANNA, MUM, words]);
        let sends: Vec<Value> = ground
            .says("journal")
            .iter()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|asked| asked["method"] == "POST")
            .collect();
        assert_eq!(sends.len(), 2, "{sends:?}");
        assert_eq!(sends[0]["path"], sends[1]["path"]);
        let (own, theirs) = (fields(&sends[0]), fields(&sends[1]));
        let names = |fields: &[(String, String)]| fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&own), names(&theirs));
        for (own, theirs) in own.iter().zip(&theirs) {
            assert!(["StatusCallback", "tag"].contains(&own.0.as_str()) || own == theirs, "{own:?} {theirs:?}");
        }
        assert_eq!(ground.times(words), 2, "the phone reads the same");
    }
}

/// The fields of a request, by name.
fn fields(asked: &Value) -> Vec<(String, String)> {
    let body = asked["body"].as_str().unwrap();
    let mut fields: Vec<(String, String)> = match serde_json::from_str::<Value>(body) {
        Ok(Value::Object(object)) => object.iter().map(|(name, value)| (name.clone(), value.to_string())).collect(),
        _ => form_urlencoded::parse(body.as_bytes()).into_owned().collect(),
    };
    fields.sort();
    fields
}

/// Twilio's validator and the box say the same of every call: right ones of all forms, and right ones that were changed.
#[test]
#[ignore = "needs twilio, which tests/run installs"]
fn the_box_takes_what_twilio_s_validator_takes() {
    for public in [PUBLIC.to_owned(), format!("{PUBLIC}:443"), format!("{PUBLIC}:8443")] {
        let ground = Ground::start("twilio");
        let gateway = ground.gateway("twilio", &[("sms.public_url", &public), ("sms.poll", "3600")]).started();
        let program = r#"
import hashlib, http.client, itertools, random, urllib.parse
from twilio.request_validator import RequestValidator
host, public, anna, mum = sys.argv[1:5]
validator, dice, numbers = RequestValidator('secret'), random.Random(26), itertools.count()
words = ['Hello', '', 'a=b&c+d%20', 'Grüße 😀', ' two  blanks ', 'line\nfeed', '"quoted"', 'ſpecial', '\u202eodd']
def call(target, body, kind, signature, more={}):
    to = http.client.HTTPConnection(host, timeout=30)
    headers = {'Host': 'box.example.org', 'X-Twilio-Signature': signature, **more}
    if body is not None: headers['Content-Type'] = kind
    to.request('GET' if body is None else 'POST', target, body, headers)
    return to.getresponse().status
def fields():
    some = {'MessageSid': 'SM%032x' % next(numbers), 'From': mum, 'To': anna, 'Body': 'case: ' + dice.choice(words), 'NumMedia': '0'}
    for extra in dice.sample(['ToCity', 'FromState', 'body', 'Zip', 'AddOns', '\u00dcber'], dice.randrange(4)): some[extra] = dice.choice(words)
    return some
def agree(what, url, params, target, body, kind, signature, algorithm=None):
    more = {'X-Twilio-Webhooks-Signature-Settings': 'algorithm=' + algorithm} if algorithm else {}
    theirs = validator.validate(url, params, signature, algorithm)
    ours = call(target, body, kind, signature, more)
    print(json.dumps([what, theirs, ours]))
form = 'application/x-www-form-urlencoded; charset=UTF-8'
for at in range(60):
    params, query = fields(), dice.choice(['', '?m=a%2Bb', '?x=1&y=%C3%A4', '?empty='])
    target, algorithm = '/hooks/twilio' + query, dice.choice([None, None, 'HMAC_SHA256'])
    url = public + target
    signed = dice.choice([url, url.replace(':443/', '/'), url.replace(':8443/', '/')])
    signature = validator.compute_signature(signed, params, algorithm)
    agree('right', url, params, target, urllib.parse.urlencode(params), form, signature, algorithm)
    forged = dict(params, MessageSid='SM%032x' % next(numbers))
    agree('forged', url, forged, target, urllib.parse.urlencode(forged), form, signature, algorithm)
    agree('other address', url + ('&' if query else '?') + 'z=1', params, target + ('&' if query else '?') + 'z=1', urllib.parse.urlencode(params), form, signature, algorithm)
    agree('no signature', url, params, target, urllib.parse.urlencode(params), form, dice.choice(['x', signature.lower(), signature[:-2], signature + '=']), algorithm)
    agree('one algorithm for the other', url, params, target, urllib.parse.urlencode(params), form, signature, None if algorithm else 'HMAC_SHA256')
    get = '/hooks/twilio?' + urllib.parse.urlencode(fields())
    signature = validator.compute_signature(public + get, {})
    agree('by GET', public + get, {}, get, None, None, signature)
    agree('by GET, forged', public + get + '1', {}, get + '1', None, None, signature)
"#;
        let host = gateway.listener("web").to_string();
        let said = judge(program, &[&host, &public, ANNA, MUM]);
        assert_eq!(said.len(), 60 * 7);
        let (mut yes, mut no) = (0, 0);
        for case in &said {
            // A limit for those who forge may answer in place of the check.
            let status = case[2].as_u64().unwrap();
            match case[1] == true {
                true => yes += usize::from(status == 200),
                false => no += usize::from(matches!(status, 403 | 429)),
            }
        }
        let wrong: Vec<_> = said.iter().filter(|case| (case[1] == true) != (case[2] == 200)).collect();
        assert!(wrong.is_empty(), "{public}: {} of {}: {:?}", wrong.len(), said.len(), &wrong[..wrong.len().min(9)]);
        assert!(yes >= 120 && no >= 200, "{yes} {no}");
        let kept = gateway.messages().iter().filter(|m| m["from"] == MUM).count();
        assert_eq!(kept, yes, "each that was taken is there once, and no other");
        gateway.totals_balance();
    }
}

/// Bandwidth's client, told where Bandwidth is.
const BANDWIDTH: &str = r#"
import bandwidth
from bandwidth.rest import ApiException
def api(password='secret'):
    where = bandwidth.Configuration(host=sys.argv[1] + '/api/v2', username='AC1', password=password, ignore_operation_servers=True)
    return bandwidth.MessagesApi(bandwidth.ApiClient(where))
def create(sender, to, text, tag=None, account='AC1', application='AC1', password='secret'):
    wanted = bandwidth.MessageRequest(application_id=application, to=[to], var_from=sender, text=text, tag=tag)
    return api(password).create_message(account, wanted)
"#;

/// Bandwidth's library sends and searches at the simulator, and reads what it calls.
#[test]
#[ignore = "needs bandwidth-sdk, which tests/run installs"]
fn bandwidth_s_library_takes_the_simulator_for_bandwidth() {
    let ground = Ground::start("bandwidth");
    let bad = "+14155550124";
    ground.says(&format!("reject {bad} 4720"));
    let program = r#"
import http.server, socket, threading, time
url, anna, mum, bad, control = sys.argv[1:6]
seen = []
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers['Content-Length']))):
            model = bandwidth.InboundCallback if event['type'] == 'message-received' else bandwidth.StatusCallback
            read = model.from_json(json.dumps(event))
            seen.append([read.type, read.to, read.message.direction, read.message.var_from, read.message.text, read.message.tag if hasattr(read.message, 'tag') else None])
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hook)
threading.Thread(target=server.serve_forever, daemon=True).start()
def says(line):
    to = socket.socket(socket.AF_UNIX); to.connect(control); to.sendall(line.encode() + b'\n'); return to.makefile().readline()
def until(kind):
    for _ in range(400):
        found = [event for event in seen if event[0] == kind]
        if found: return found[0]
        time.sleep(0.05)
says('hook http://127.0.0.1:%d https://box.example.org' % server.server_port)
sent = create(anna, mum, 'Hällo 😀', 'm7')
print(json.dumps(['sent', bool(sent.id), sent.to, sent.var_from, sent.text, sent.tag, sent.direction, sent.segment_count]))
print(json.dumps(until('message-delivered')))
create(anna, bad, 'x', 'm8')
print(json.dumps(until('message-failed')))
says('text %s %s From a phone' % (mum, anna))
print(json.dumps(until('message-received')))
listed = api().list_messages('AC1', source_tn=anna, destination_tn=mum, message_direction=bandwidth.ListMessageDirectionEnum.OUTBOUND)
print(json.dumps(['listed', listed.total_count, [str(item.message_status.value) for item in listed.messages]]))
def fails(act):
    try: act()
    except ApiException as why: print(json.dumps(['error', why.status, json.loads(why.body).get('type')]))
fails(lambda: create(anna, mum, 'x', password='wrong'))
fails(lambda: create(anna, mum, 'x', application='other'))
fails(lambda: create(anna, '+0', 'x'))
fails(lambda: create(anna, mum, 'x', account='AC2'))
fails(lambda: api().list_messages('AC1'))
"#;
    let control = ground.shore.folder.path("carrier.ctl");
    let said = judge(&format!("{BANDWIDTH}{program}"), &[&ground.url, ANNA, MUM, bad, control.to_str().unwrap()]);
    let expected = serde_json::json!([
        ["sent", true, [MUM], ANNA, "Hällo 😀", "m7", "out", 1],
        ["message-delivered", MUM, "out", ANNA, "", "m7"],
        ["message-failed", bad, "out", ANNA, "", "m8"],
        ["message-received", ANNA, "in", MUM, "From a phone", null],
        ["listed", 1, ["DELIVERED"]],
        ["error", 401, "unauthorized"],
        ["error", 400, "request-validation"],
        ["error", 400, "request-validation"],
        ["error", 404, null],
        ["error", 400, "request-validation"],
    ]);
    assert_eq!(Value::from(said), expected);
}

/// What Bandwidth's library takes for a callback the box takes as well, and nothing of it is lost.
#[test]
#[ignore = "needs bandwidth-sdk, which tests/run installs"]
fn the_box_takes_callbacks_that_bandwidth_s_library_makes() {
    let ground = Ground::start("bandwidth");
    let gateway = ground.gateway("bandwidth", &[("sms.public_url", PUBLIC)]).started();
    gateway.cli_ok(&["send", "--from", "anna", "--text", "Out", MUM], "");
    let out = wait_message(&gateway, "Out", "sent")["id"].as_str().unwrap().to_owned();
    let id = wait_for("the carrier's name of it", SOON, || ground.arrived()[0]["id"].as_str().map(str::to_owned));
    let program = r#"
import base64, datetime, http.client
host, anna, ben, mum, known = sys.argv[1:6]
now = datetime.datetime.now(datetime.timezone.utc)
def event(model, message, **fields):
    made = model.from_dict({'time': now.isoformat(), 'description': 'x', **fields, 'message': {
        'time': now.isoformat(), 'segmentCount': 1, 'applicationId': 'AC1', **message}})
    return json.loads(json.dumps(made.to_dict(), default=lambda at: at.isoformat()))
def inbound(id, to, text, **more):
    return event(bandwidth.InboundCallback, {'id': id, 'owner': to, 'direction': 'in', 'to': [to], 'from': mum, 'text': text, **more}, type='message-received', to=to)
events = [
    inbound('b1', anna, 'Hällo 😀\nline'), inbound('b2', ben, 'to the other', channel='SMS'),
    inbound('b3', anna, 'picture', media=['https://media.example/1'], priority='default'),
    event(bandwidth.StatusCallback, {'id': known, 'owner': anna, 'direction': 'out', 'to': [mum], 'from': anna, 'text': '', 'media': [], 'tag': ''}, type='message-delivered', to=mum),
]
def call(events, login='hook:pass'):
    to = http.client.HTTPConnection(host, timeout=30)
    to.request('POST', '/hooks/bandwidth', json.dumps(events), {'Host': 'box.example.org', 'Content-Type': 'application/json; charset=utf-8',
        'Authorization': 'Basic ' + base64.b64encode(login.encode()).decode()})
    print(to.getresponse().status)
call(events, 'hook:wrong')
call(events)
call(events)
"#;
    let host = gateway.listener("web").to_string();
    let said = judge(&format!("{}{program}", "import bandwidth\n"), &[&host, ANNA, BEN, MUM, &id]);
    assert_eq!(said, [403, 200, 200].map(Value::from));
    wait_message(&gateway, "Hällo 😀\nline", "delivered");
    let texts: Vec<_> = gateway.messages().iter().filter(|m| m["from"] == MUM).cloned().collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    let shown = wait_for("the report", SOON, || {
        Some(gateway.json(&["queue", "show", &out])).filter(|message| message["state"] == "delivered")
    });
    assert_eq!(shown["code"], "arrived.phone", "{shown}");
    gateway.totals_balance();
}
