//! A gateway with a thousand stations, for `tests/bench/line`: the real binary at one end, the sessions of all stations in
//! this process at the other.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use smol::lock::Semaphore;
use smol::{LocalExecutor, Timer};
use testing::{Folder, wait_for};

use super::far_end::FarEnd;
use super::key::{BoxKey, Pin, generate};
use super::session::{Fact, Own, Session};
use super::wire::{Wire, Woken};
use super::{connect, keep_alive};
use crate::address::LinkAddress;
use crate::clock::{Clock, Time};
use crate::engine::link::equipment;
use crate::store::{PairedBox, Store};

const STATIONS: usize = 1000;
/// Handshakes at once: fewer than a gate lets in from one address.
const AT_ONCE: usize = 12;
const LIMIT: Duration = Duration::from_secs(300);
/// How long the idle gateway is watched.
const WATCH: Duration = Duration::from_secs(60);

struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Gateway {
    /// Kilobytes in memory, and seconds of processor time so far.
    fn spent(&self) -> (u64, f64) {
        let read = |what: &str| fs::read_to_string(format!("/proc/{}/{what}", self.0.id())).unwrap();
        let status = read("status");
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let stat = read("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        (rss.trim().trim_end_matches(" kB").parse().unwrap(), ticks / 100.0)
    }
}

/// Connects one station and holds its line until the end.
async fn station(key: &BoxKey, gateway: Pin, to: SocketAddr, places: &Semaphore) -> (Wire, Session) {
    let place = places.acquire().await;
    let (mut wire, trip) = connect::connect(key, gateway, &to.to_string(), &[], |_| ()).await.unwrap();
    let mut session = Session::new(keep_alive::Patience::default(), true, trip, Instant::now());
    let mut end = FarEnd::default();
    let own = Own { epoch: 1, metered: false, urgent_only: false, wholes: true };
    let (_never, silent) = smol::channel::bounded(1);
    loop {
        let out = session.write(&mut end, own, &mut Vec::new(), Instant::now());
        if !out.is_empty() {
            wire.push(&out).unwrap();
        }
        wire.flush().unwrap();
        assert_ne!(wire.wait(&silent, Some(Instant::now() + LIMIT), true).await, Woken::Time);
        let said = wire.pull().unwrap();
        if session.read(&mut end, &said, Instant::now()).iter().any(|fact| matches!(fact, Fact::Up(_))) {
            drop(place);
            return (wire, session);
        }
    }
}

#[test]
#[ignore = "measures the binary named by SATPOST; run by tests/bench/line"]
fn a_gateway_holds_a_thousand_stations_by_hand() {
    let binary = std::env::var("SATPOST").expect("SATPOST names the binary to measure");
    let folder = Folder::new();
    let data = folder.path("gateway");
    let store = Store::open(&data, &Clock::system()).unwrap();
    store.add_link("ip", "ip", &[("link.price", "0")]);
    for (name, value) in [("ip.listen", "127.0.0.1:0"), ("box.reach", "internet")] {
        store.write(move |tx| tx.put_setting(name, value)).unwrap();
    }
    for name in ["smtp.listen", "submission.listen", "web.listen"] {
        store.write(move |tx| tx.put_setting(name, "127.0.0.1:0")).unwrap();
    }
    let keys: Vec<BoxKey> = (0..STATIONS).map(|_| BoxKey::read(&generate().unwrap()).unwrap()).collect();
    for (number, key) in keys.iter().enumerate() {
        let (address, name) = (LinkAddress::Ip(key.id()), format!("station {number}"));
        let paired = PairedBox { address, name, domain: String::new(), dialled: false, since: Time(1) };
        store.write(move |tx| tx.pair(&paired, "")).unwrap();
    }
    let pin = Pin::Key(equipment::own_key(&store).unwrap().id());
    store.close();
    let log = folder.path("gateway.log");
    let out = fs::File::create(&log).unwrap();
    let mut command = Command::new(binary);
    command.args(["run", "--data"]).arg(&data).stdin(Stdio::null());
    let child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
    let gateway = Gateway(child);
    let to = wait_for("the gateway to listen", LIMIT, || {
        let text = fs::read_to_string(&log).ok()?;
        text.lines().find_map(|line| line.split("ip listens on ").nth(1)?.trim().parse::<SocketAddr>().ok())
    });
    let before = gateway.spent();
    let begun = Instant::now();
    let places = Semaphore::new(AT_ONCE);
    let executor = LocalExecutor::new();
    let lines = smol::block_on(executor.run(async {
        let tasks: Vec<_> = keys.iter().map(|key| executor.spawn(station(key, pin, to, &places))).collect();
        let mut lines = Vec::new();
        for task in tasks {
            lines.push(task.await);
        }
        lines
    }));
    let (took, connected) = (begun.elapsed(), gateway.spent());
    smol::block_on(Timer::after(WATCH));
    let idle = gateway.spent();
    println!(
        "{} stations connected in {:.1} s, {:.2} ms of processor time each; {} kB in memory before, {} kB after, {:.1} kB \
         each; idle: {:.2} s of processor time in {} s",
        lines.len(),
        took.as_secs_f64(),
        (connected.1 - before.1) * 1000.0 / STATIONS as f64,
        before.0,
        connected.0,
        connected.0.saturating_sub(before.0) as f64 / STATIONS as f64,
        idle.1 - connected.1,
        WATCH.as_secs()
    );
}
