//! Doors under siege: silent connections and guessed passwords from many places do not shut out who belongs here.

use std::process::{Command, Stdio};

use crate::support::{Folder, PASSWORD, SATPOST, Station};

/// In a network of its own: three addresses hold all the connections they get, three hundred guess the owner's password.
#[test]
#[ignore = "needs unshare with a network namespace, ip and python3, which tests/run installs"]
fn silent_connections_and_guesses_shut_nobody_out() {
    const SCRIPT: &str = r#"
        set -e
        ip link set lo up
        for net in 1 2 3 9; do ip address add 10.0.$net.1/32 dev lo; done
        ip address add local 10.1.0.0/16 dev lo
        "$0" run --data "$1" 2>"$2" &
        trap 'kill $!; wait' EXIT
        python3 -c "$3" "$4" "$!"
    "#;
    const SIEGE: &str = r#"
import concurrent.futures, http.client, re, smtplib, socket, ssl, sys, time, urllib.parse

PASSWORD, BOX = sys.argv[1], sys.argv[2]

def web(source, method, path, form=None, cookies=None):
    at = http.client.HTTPConnection('127.0.0.1', 8123, timeout=30, source_address=(source, 0))
    head = {'Host': '127.0.0.1', 'Cookie': '; '.join(f'{k}={v}' for k, v in (cookies or {}).items())}
    if form is not None:
        head |= {'Content-Type': 'application/x-www-form-urlencoded', 'Origin': 'http://127.0.0.1'}
    at.request(method, path, body=form and urllib.parse.urlencode(form), headers=head)
    answer = at.getresponse()
    for cookie in answer.msg.get_all('Set-Cookie') or []:
        if cookies is not None:
            name, value = cookie.split(';')[0].split('=', 1)
            cookies[name] = value
    return answer.status, answer.read().decode()

def log_in(source, name, password, cookies):
    status, page = web(source, 'GET', '/login', cookies=cookies)
    if status != 200:
        return status
    token = re.search('name=csrf value="([^"]+)"', page)[1]
    return web(source, 'POST', '/login', {'csrf': token, 'name': name, 'password': password}, cookies)[0]

for _ in range(200):
    try:
        socket.create_connection(('127.0.0.1', 8123), 1).close()
        break
    except OSError:
        time.sleep(0.1)

owner = {}
assert log_in('10.0.9.1', 'anna', PASSWORD, owner) == 303
def hold(port, count):
    held = []
    for net in (1, 2, 3):
        for _ in range(count):
            try:
                held.append(socket.create_connection(('127.0.0.1', port), 5, source_address=(f'10.0.{net}.1', 0)))
            except OSError:
                pass
    return held

# Silent ones at the listener for mail programs: somebody known and somebody new both get in.
held = hold(8124, 24)
for source in ('10.0.9.1', '10.1.7.7'):
    s = smtplib.SMTP('127.0.0.1', 8124, timeout=30, source_address=(source, 0))
    s.starttls(context=ssl._create_unverified_context())
    s.login('anna', PASSWORD) if source == '10.0.9.1' else s.ehlo()
    s.quit()
# The same at the pages.
held += hold(8123, 12)
tries = [web('10.0.9.1', 'GET', '/login')[0] for _ in range(44)]
assert set(tries) == {200}, tries
tries = [web('10.1.7.7', 'GET', '/login')[0] for _ in range(44)]
assert set(tries) == {200}, tries
for socket_ in held:
    socket_.close()

# Guesses from three hundred places.
with concurrent.futures.ThreadPoolExecutor(24) as guessers:
    answers = list(guessers.map(lambda n: log_in(f'10.1.{n // 250}.{n % 250 + 1}', 'anna', 'wrong', {}), range(300)))
assert answers.count(401) <= 60 and 429 in answers, answers
assert log_in('10.1.200.1', 'anna', PASSWORD, {}) == 429, 'a stranger has to wait'
known = {name: value for name, value in owner.items() if name.startswith('b')}
assert log_in('10.1.200.2', 'anna', PASSWORD, known) == 303, 'a known browser'
assert log_in('10.0.9.1', 'anna', PASSWORD, {}) == 303, 'a known network'

peak = next(line for line in open(f'/proc/{BOX}/status') if line.startswith('VmHWM'))
print(peak.split()[1])
"#;
    let folder = Folder::new();
    let settings =
        [("web.listen", "0.0.0.0:8123"), ("submission.listen", "0.0.0.0:8124"), ("box.domain", "boat.example")];
    let station = Station::new(&folder, "house", &settings, &["anna"]);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", SCRIPT]).stdin(Stdio::null());
    command.arg(SATPOST).arg(&station.folder).arg(&station.log).args([SIEGE, PASSWORD]);
    let said = crate::support::command::Said::from(command.output().unwrap());
    assert_eq!(said.code, 0, "{}{}{}", said.out, said.err, station.log_text());
    let peak: u64 = said.out.trim().parse().unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
    assert!(peak < 120_000, "{peak} KB at the peak: password hashes of many callers are not one at a time");
}
