"""What both benchmarks need: a box to measure, Postfix to compare it with, and the kernel's counters."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SATPOST = Path(os.environ.get("SATPOST", ROOT / "target/release/satpost"))
# On the disk that is to be measured; a RAM disk makes every fsync free.
FOLDER = Path(os.environ.get("BENCH_FOLDER", ROOT / "target/bench"))
TICKS = os.sysconf("SC_CLK_TCK")


def fail(why):
    sys.exit(f"{Path(sys.argv[0]).name}: {why}")


def need_satpost():
    if not os.access(SATPOST, os.X_OK):
        fail(f"{SATPOST} is not there: cargo build --release")


def fresh(name):
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def wait_for(what, limit, check):
    """Asks until the answer is true; every wait has a name and a limit."""
    end = time.monotonic() + limit
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            fail(f"{what}: not within {limit} s")
        time.sleep(0.02)


def children(pid):
    """All living processes below pid, itself included."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(stat.parent.name))
        except (OSError, IndexError):
            continue
    found, new = [], [pid]
    while new:
        found += new
        new = [child for parent in new for child in parents.get(parent, [])]
    return found


def spent(pid):
    """CPU seconds of a process and those below it, with the children that have ended."""
    ticks = 0
    for process in children(pid):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
        except OSError:
            continue  # it ended just now, and is counted with its parent
    return ticks / TICKS


def postfix_tree():
    """Debian's postfix package, unpacked and not installed. Fetched once."""
    tree = FOLDER / "postfix-package"
    if not (tree / "usr/sbin/smtp-source").exists():
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        fetch = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", "postfix"]
        if subprocess.run(fetch, cwd=tree, stdout=subprocess.DEVNULL).returncode:
            fail("Debian's postfix package cannot be fetched: apt-get update, then again")
        subprocess.run(["dpkg-deb", "-x", next(tree.glob("*.deb")), tree], check=True)
    return tree


def postfix_environment(tree):
    return dict(os.environ, LD_LIBRARY_PATH=str(tree / "usr/lib/postfix"))


def send(tree, port, messages, connections, keep, recipient="b@example.org", size=2048):
    """Sends with Postfix's own load generator; gives the seconds it took."""
    command = [tree / "usr/sbin/smtp-source", "-s", connections, "-m", messages, "-l", size]
    command += ["-f", "a@sender.example", "-t", recipient, f"127.0.0.1:{port}"]
    if keep:
        command.insert(1, "-d")
    began = time.monotonic()
    limit = max(120, messages / 20)
    try:
        ended = subprocess.run(list(map(str, command)), env=postfix_environment(tree), timeout=limit, capture_output=True)
    except subprocess.TimeoutExpired:
        fail(f"smtp-source to port {port}: {messages} mails not taken within {limit} s")
    took = time.monotonic() - began
    if ended.returncode or ended.stderr:
        fail(f"smtp-source to port {port}: {ended.stderr.decode(errors='replace').strip() or ended.returncode}")
    return took


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postfix:
    """Postfix on a free port of loopback; every mail is written, synced, answered, and then thrown away.

    in_flow_delay is off: Postfix would slow its intake down while the throwing away lags behind.
    """

    SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup   unix   n - n 60   1 pickup
cleanup  unix   n - n -    0 cleanup
qmgr     unix   n - n 300  1 qmgr
rewrite  unix   - - n -    - trivial-rewrite
bounce   unix   - - n -    0 bounce
defer    unix   - - n -    0 bounce
trace    unix   - - n -    0 bounce
flush    unix   n - n 1000? 0 flush
proxymap unix   - - n -    - proxymap
error    unix   - - n -    - error
retry    unix   - - n -    - error
discard  unix   - - n -    - discard
anvil    unix   - - n -    1 anvil
scache   unix   - - n -    1 scache
showq    unix   n - n -    - showq
postlog  unix-dgram n - n - 1 postlogd
"""

    def __init__(self):
        if os.geteuid():
            fail("Postfix starts as root only; run this as root")
        self.tree, self.port = postfix_tree(), free_port()
        self.folder = fresh("postfix")
        self.queue = self.folder / "queue"
        settings, data = self.folder / "etc", self.folder / "data"
        for path in (settings, data, self.queue):
            path.mkdir()
        library = self.tree / "usr/lib/postfix"
        (settings / "main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {self.queue}
data_directory = {data}
daemon_directory = {library}/sbin
command_directory = {self.tree}/usr/sbin
shlib_directory = {library}
meta_directory = {settings}
mail_owner = daemon
setgid_group = mail
default_privs = nobody
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.example.org
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
virtual_alias_maps =
relay_domains = example.org
default_transport = discard
relay_transport = discard
local_transport = discard
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
default_process_limit = 100
in_flow_delay = 0
maillog_file = {self.folder}/mail.log
maillog_file_prefixes = {self.folder}
import_environment = LD_LIBRARY_PATH MAIL_CONFIG
export_environment = LD_LIBRARY_PATH
"""
        )
        (settings / "master.cf").write_text(self.SERVICES.format(port=self.port))
        (settings / "dynamicmaps.cf").write_text("")
        self.make_queue(data)
        environment = dict(postfix_environment(self.tree), MAIL_CONFIG=str(settings), MAIL_LOGTAG="postfix")
        self.master = subprocess.Popen([library / "sbin/master", "-d", "-c", settings], env=environment)
        wait_for(f"Postfix on port {self.port} (see {self.folder}/mail.log)", 15, self.answers)

    def make_queue(self, data):
        daemon, mail = 1, os.stat("/var/mail").st_gid
        private = "active bounce corrupt defer deferred flush hold incoming private saved trace".split()
        for name, group, mode in [(name, 0, 0o700) for name in private] + [("public", mail, 0o710), ("maildrop", mail, 0o1730)]:
            (self.queue / name).mkdir()
            os.chown(self.queue / name, daemon, group)
            os.chmod(self.queue / name, mode)
        (self.queue / "pid").mkdir()
        os.chown(data, daemon, daemon)

    def answers(self):
        if self.master.poll() is not None:
            fail(f"Postfix ended at once: see {self.folder}/mail.log")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as talk:
                return talk.recv(100).startswith(b"220")
        except OSError:
            return False

    @property
    def pid(self):
        return self.master.pid

    def settled(self):
        """Waits until everything taken was thrown away, so that all its cost is counted."""
        names = [self.queue / name for name in ("incoming", "active", "maildrop")]
        wait_for("Postfix's queue to empty", 60, lambda: not any(file.is_file() for name in names for file in name.rglob("*")))

    def stop(self):
        end(self.master)


class Box:
    """A box of its own folder, with all its doors on free ports of loopback."""

    SETTINGS = {
        "box.domain": "example.org",
        "smtp.listen": "127.0.0.1:0",
        "submission.listen": "127.0.0.1:0",
        "submissions.listen": "127.0.0.1:0",
        "imap.listen": "127.0.0.1:0",
        "imaps.listen": "127.0.0.1:0",
        "web.listen": "127.0.0.1:0",
        "smtp.per_address": "64",
    }

    def __init__(self, name, settings=()):
        need_satpost()
        self.data = fresh(name)
        for key, value in {**self.SETTINGS, **dict(settings)}.items():
            self.call("settings", "set", key, value)
        self.call("people", "add", "b")
        self.process = None

    def call(self, *words):
        command = [SATPOST, *words, "--data", self.data]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if ended.returncode:
            fail(f"satpost {' '.join(words)}: {ended.stderr.strip()}")
        return ended.stdout

    def start(self):
        """Starts it as systemd would; gives the seconds until it said READY."""
        heard = self.data.with_suffix(".notify")
        heard.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(heard))
            notify.settimeout(60)
            log = open(self.data.with_suffix(".log"), "ab")
            environment = dict(os.environ, NOTIFY_SOCKET=str(heard), BLOCKING_MAX_THREADS="8")
            began = time.monotonic()
            self.process = subprocess.Popen([SATPOST, "run", "--data", self.data], env=environment, stdout=log, stderr=log)
            try:
                while b"READY=1" not in notify.recv(4096).split(b"\n"):
                    pass
            except TimeoutError:
                fail(f"satpost run: not READY within 60 s, see {log.name}")
            took = time.monotonic() - began
        heard.unlink()
        return took

    @property
    def pid(self):
        return self.process.pid

    @property
    def port(self):
        listen = json.loads(self.call("status", "--json"))["listen"]["smtp"][0]
        return int(listen.rsplit(":", 1)[1])

    def settled(self):
        """Nothing to wait for from outside: a mail to a person here is delivered when it is taken."""
        time.sleep(0.5)

    def stop(self):
        end(self.process)


def end(process):
    """Ends a process that we started, by its id."""
    if process and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
