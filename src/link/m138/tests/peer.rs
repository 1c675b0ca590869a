//! A scripted modem, only as good as these tests need.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::hex;
use crate::link::m138::codec::{Codec, Frame, sentence};
use crate::link::serial::Port;
use crate::link::serial::tests::terminal;

/// What the modem is and how it misbehaves.
#[derive(Default)]
pub struct Modem {
    pub old_firmware: bool,
    pub time_valid: bool,
    /// Answers nothing and says nothing.
    pub unresponsive: bool,
    /// Hears nothing, but speaks.
    pub ignores_commands: bool,
    /// Takes the next `$TD` without saying so.
    pub drop_ok: bool,
    /// Loses the next `$TD`.
    pub lose_td: bool,
    /// Loses so many questions for a message.
    pub lose_reads: u32,
    /// Answers the next `$TD` so late.
    pub late_ok: Option<Duration>,
    /// Restarts upon the next `$TD`, after having taken it or not.
    pub reboot_on_td: Option<bool>,
    /// Answers everything so late.
    pub delay: Duration,
    /// Works so long at each command before the next.
    pub service: Duration,
    /// All that it says has a wrong sum.
    pub wrong_sums: bool,
    /// It is something else: says this four times a second, and this to any line.
    pub foreign: Option<(&'static str, &'static str)>,
    /// Every line that came, whatever it was.
    pub lines: Vec<String>,
    /// Counts packets of both directions with one counter.
    pub shared_counter: bool,
    /// What `$RT @` shows instead of noise.
    pub last_satellite: Option<&'static str>,
    pub refuse_td: Option<String>,
    pub unread_only: bool,
    pub undeletable: Vec<u64>,
    /// Says this before each answer.
    pub chatter: Vec<u8>,
    pub queue: Vec<(u64, Vec<u8>)>,
    /// Every packet that was ever taken.
    pub taken: Vec<Vec<u8>>,
    pub asked: Vec<String>,
    counter: u64,
    inbound: Vec<(u64, String, bool)>,
    rates: Vec<(String, u64)>,
    heartbeat: Option<Instant>,
    out: Vec<(Instant, Vec<u8>)>,
    /// Commands that it has not worked off yet, and when each is done.
    pending: Vec<(Instant, String)>,
    stop: bool,
}

/// The running script; ends, and hangs up, when dropped.
pub struct Peer {
    modem: Arc<Mutex<Modem>>,
    folder: PathBuf,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Peer {
    pub fn start() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("satpost-m138-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let modem = Modem { time_valid: true, counter: 100, ..Modem::default() };
        let mut peer = Self { modem: Arc::new(Mutex::new(modem)), folder, thread: None };
        peer.plug();
        peer
    }

    /// The path that stays the same over unplugging.
    pub fn path(&self) -> PathBuf {
        self.folder.join("modem")
    }

    pub fn plug(&mut self) {
        let (master, slave) = terminal();
        // a serial adapter has no echo while nobody has it open: opened once, the terminal stays without
        drop(Port::open(&slave, 115_200).unwrap());
        std::os::unix::fs::symlink(slave, self.path()).unwrap();
        let port = Port::over(master, Path::new("peer")).unwrap();
        self.set(|modem| modem.stop = false);
        let modem = Arc::clone(&self.modem);
        self.thread = Some(std::thread::spawn(move || serve(&port, &modem)));
    }

    pub fn unplug(&mut self) {
        self.set(|modem| modem.stop = true);
        std::fs::remove_file(self.path()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }

    pub fn set<T>(&self, change: impl FnOnce(&mut Modem) -> T) -> T {
        change(&mut self.modem.lock().unwrap())
    }

    pub fn say(&self, body: &str) {
        self.say_raw(sentence(body).as_bytes());
    }

    pub fn say_raw(&self, bytes: &[u8]) {
        self.set(|modem| modem.out.push((Instant::now(), bytes.to_vec())));
    }

    pub fn receive(&self, id: u64, data: &str) {
        self.set(|modem| {
            modem.counter += u64::from(modem.shared_counter);
            modem.inbound.push((id, format!("{data},{id},{}", 1_700_000_000 + id), false));
        });
    }

    /// A satellite takes the oldest packet, and the modem says so.
    pub fn transmit(&self) {
        let (id, _) = self.set(|modem| {
            modem.last_satellite = Some("2027-01-15T08:00:01");
            modem.queue.remove(0)
        });
        self.say(&format!("TD SENT,RSSI=-98,SNR=3,FDEV=12,{id}"));
    }

    pub fn queue(&self) -> Vec<Vec<u8>> {
        self.set(|modem| modem.queue.iter().map(|(_, payload)| payload.clone()).collect())
    }

    pub fn stored(&self) -> usize {
        self.set(|modem| modem.inbound.len())
    }

    pub fn was_asked(&self, body: &str) -> bool {
        self.set(|modem| modem.asked.iter().any(|asked| asked == body))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.set(|modem| modem.stop = true);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn serve(port: &Port, modem: &Mutex<Modem>) {
    let mut codec = Codec::default();
    loop {
        let due = {
            let mut modem = modem.lock().unwrap();
            if modem.stop {
                return;
            }
            modem.beat();
            let now = Instant::now();
            while modem.pending.first().is_some_and(|(at, _)| *at <= now) {
                let (_, body) = modem.pending.remove(0);
                modem.on_command(&body);
            }
            let (due, later) = modem.out.drain(..).partition::<Vec<_>, _>(|(at, _)| *at <= now);
            modem.out = later;
            due
        };
        for (_, bytes) in due {
            let _ = port.write_all(&bytes, Instant::now() + Duration::from_millis(500));
        }
        let mut buffer = [0; 1024];
        let count = port.read(&mut buffer).unwrap_or(0);
        if count == 0 {
            crate::clock::sleep(Duration::from_millis(2));
        }
        let mut frames = Vec::new();
        codec.feed(&buffer[..count], &mut frames);
        for frame in frames {
            let mut modem = modem.lock().unwrap();
            if let Some((_, reply)) = modem.foreign {
                modem.lines.push(format!("{frame:?}"));
                modem.out.push((Instant::now(), reply.as_bytes().to_vec()));
            } else if let Frame::Body(body) = frame {
                let free = modem.pending.last().map_or_else(Instant::now, |(at, _)| *at);
                match modem.service {
                    Duration::ZERO if modem.pending.is_empty() => modem.on_command(&body),
                    service => modem.pending.push((free + service, body)),
                }
            }
        }
    }
}

impl Modem {
    fn answer(&mut self, body: &str) {
        self.answer_at(Instant::now() + self.delay, body);
    }

    fn answer_at(&mut self, at: Instant, body: &str) {
        let mut bytes = self.chatter.clone();
        bytes.extend_from_slice(self.sentence(body).as_bytes());
        self.out.push((at, bytes));
    }

    fn sentence(&self, body: &str) -> String {
        let right = sentence(body);
        match self.wrong_sums {
            true => right.replacen('*', "*0", 1).replacen("*00", "*01", 1),
            false => right,
        }
    }

    /// The clock is told by itself at its rate, while it is valid.
    fn beat(&mut self) {
        if let Some((says, _)) = self.foreign {
            if self.heartbeat.is_none_or(|at| at.elapsed() >= Duration::from_millis(250)) {
                self.heartbeat = Some(Instant::now());
                self.out.push((Instant::now(), says.as_bytes().to_vec()));
            }
            return;
        }
        let rate = self.rates.iter().find(|(tag, _)| tag == "DT").map_or(0, |(_, rate)| *rate);
        if rate > 0 && self.heartbeat.is_none_or(|at| at.elapsed() >= Duration::from_secs(rate)) {
            self.heartbeat = Some(Instant::now());
            if self.time_valid && !self.unresponsive {
                let line = self.sentence("DT 20270115080000,V");
                self.out.push((Instant::now(), line.into_bytes()));
            }
        }
    }

    fn on_command(&mut self, body: &str) {
        self.asked.push(body.to_owned());
        if self.unresponsive || self.ignores_commands {
            return;
        }
        let (tag, args) = body.split_once(' ').unwrap_or((body, ""));
        match (tag, args) {
            ("CS", "") => self.answer("CS DI=0x001abe,DN=M138"),
            ("FV", "") if self.old_firmware => self.answer("FV 2021-12-14T21:27:41,v1.5.0-rc4"),
            ("FV", "") => self.answer("FV 2022-10-18T22:38:36,v3.0.1"),
            ("DT", "@") if self.time_valid => self.answer("DT 20270115080000,V"),
            ("DT", "@") => self.answer("DT 19700101000012,I"),
            ("GN", "@") => self.answer("GN 37.8921,-122.0155,77,89,2"),
            ("GS", "@") => self.answer("GS 159,165,7,0,G3"),
            ("PW", "@") => self.answer("PW 3.28700,0.00000,0.00000,0.00000,28.0"),
            ("RT", "@") => match self.last_satellite {
                Some(at) => self.answer(&format!("RT RSSI=-98,SNR=3,FDEV=12,TS={at},DI=0x000568")),
                None => self.answer("RT RSSI=-104"),
            },
            ("DT" | "GN" | "GS" | "PW" | "RT", "?") => {
                let rate = self.rates.iter().find(|(known, _)| known == tag).map_or(0, |(_, rate)| *rate);
                self.answer(&format!("{tag} {rate}"));
            }
            ("DT" | "GN" | "GS" | "PW" | "RT", rate) => {
                self.rates.retain(|(known, _)| known != tag);
                let rate = rate.parse().ok();
                self.rates.extend(rate.map(|rate| (tag.to_owned(), rate)));
                self.answer(&format!("{tag} {}", if rate.is_some() { "OK" } else { "ERR,CMD_BADPARAM" }));
            }
            ("TD", _) => self.take(args),
            ("MT", _) => self.outgoing(args),
            ("MM", _) => self.incoming(args),
            ("RS", _) => {
                self.answer("RS OK");
                self.boot();
            }
            _ => self.answer(&format!("{tag} ERR,CMD_NOTIMPLEMENTED")),
        }
    }

    fn boot(&mut self) {
        for line in ["M138 BOOT,RESTART", "M138 BOOT,VERSION,2022-10-18T22:38:36,v3.0.1", "M138 BOOT,RUNNING"] {
            self.answer(line);
        }
        if self.time_valid {
            self.answer("M138 DATETIME");
        }
    }

    fn take(&mut self, args: &str) {
        if let Some(word) = &self.refuse_td {
            return self.answer(&format!("TD ERR,{word}"));
        }
        if std::mem::take(&mut self.lose_td) {
            return;
        }
        let reboot = self.reboot_on_td.take();
        if reboot == Some(false) {
            return self.boot();
        }
        self.counter += 1;
        let id = 0x04 << 40 | 0x1abe << 24 | 15 << 15 | self.counter;
        let payload = hex::decode(args.rsplit(',').next().unwrap().as_bytes()).unwrap();
        self.taken.push(payload.clone());
        self.queue.push((id, payload));
        if reboot.is_some() {
            return self.boot();
        }
        match self.late_ok.take() {
            Some(late) => self.answer_at(Instant::now() + late, &format!("TD OK,{id}")),
            None if std::mem::take(&mut self.drop_ok) => {}
            None => self.answer(&format!("TD OK,{id}")),
        }
    }

    fn outgoing(&mut self, args: &str) {
        let line = |(id, payload): &(u64, Vec<u8>)| format!("MT AI=1000,{},{id},1700000000", hex::encode(payload));
        match args.split_once('=') {
            Some(("C", "U")) => self.answer(&format!("MT {}", self.queue.len())),
            Some(("L", "U")) if self.old_firmware => {
                for line in self.queue.iter().map(line).collect::<Vec<_>>() {
                    self.answer(&line);
                }
            }
            Some((verb @ ("L" | "D"), id)) if verb == "D" || !self.old_firmware => {
                let id: u64 = id.parse().unwrap_or_default();
                match self.queue.iter().position(|(known, _)| *known == id) {
                    None => self.answer("MT ERR,DBX_INVMSGID"),
                    Some(at) if verb == "L" => self.answer(&line(&self.queue[at].clone())),
                    Some(at) => {
                        self.queue.remove(at);
                        self.answer(&format!("MT DELETED,{id}"));
                    }
                }
            }
            _ => self.answer("MT ERR,CMD_BADPARAM"),
        }
    }

    fn incoming(&mut self, args: &str) {
        match args {
            "N=?" => self.answer("MM N=D"),
            "N=E" => self.answer("MM OK"),
            "C=*" => self.answer(&format!("MM {}", self.inbound.len())),
            "R=O" | "R=N" if self.lose_reads > 0 => self.lose_reads -= 1,
            "R=O" | "R=N" => {
                let shown = |(at, entry): (usize, &(u64, String, bool))| (!self.unread_only || !entry.2).then_some(at);
                let mut all = self.inbound.iter().enumerate().filter_map(shown);
                let at = if args == "R=O" { all.next() } else { all.next_back() };
                match at {
                    Some(at) => {
                        self.inbound[at].2 = true;
                        self.answer(&format!("MM {}", self.inbound[at].1));
                    }
                    None => self.answer("MM ERR,DBX_NOMORE"),
                }
            }
            _ => {
                let (verb, id) = args.split_once('=').unwrap_or_default();
                let id: u64 = id.parse().unwrap_or_default();
                let at = self.inbound.iter().position(|(known, ..)| *known == id);
                match (verb, at) {
                    ("D", Some(_)) if self.undeletable.contains(&id) => self.answer("MM ERR,CMD_BADPARAM"),
                    ("D", Some(at)) => {
                        self.inbound.remove(at);
                        self.answer("MM DELETED");
                    }
                    ("R", Some(at)) => self.answer(&format!("MM {}", self.inbound[at].1)),
                    _ => self.answer("MM ERR,DBX_INVMSGID"),
                }
            }
        }
    }
}
