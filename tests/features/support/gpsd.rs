//! gpsd with a receiver that the test moves.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the daemon says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Says {
    /// A receiver without a fix.
    NoFix,
    /// Old reports only.
    Old,
    /// A fix at this second of a day in November, ...
    Fix,
    /// ... or now, at these degrees north and east.
    Here(f64, f64),
}

/// The daemon.
pub struct Gpsd {
    pub address: String,
    says: Arc<Mutex<Says>>,
}

impl Gpsd {
    pub fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let says = Arc::new(Mutex::new(says));
        let said = Arc::clone(&says);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let said = Arc::clone(&said);
                std::thread::spawn(move || serve(stream, &said));
            }
        });
        Self { address, says }
    }

    pub fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }
}

/// Serves a client as gpsd does: it reports while that is wanted.
fn serve(stream: TcpStream, says: &Mutex<Says>) {
    let mut to = stream.try_clone().unwrap();
    let mut seconds = 0;
    if to.write_all(b"{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}\r\n").is_err() {
        return;
    }
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        let _ = to.write_all(b"{\"class\":\"DEVICES\",\"devices\":[{\"class\":\"DEVICE\",\"path\":\"/dev/ttyACM0\"}]}\r\n{\"class\":\"WATCH\",\"enable\":true}\r\n");
        if !line.contains("\"json\":true") {
            continue;
        }
        for report in 0..3 {
            seconds += 1;
            let past = |second: u32| format!("2026-11-23T10:{:02}:{:02}.000Z", second / 60, second % 60);
            let azores = (38.5312, -28.6243);
            let (mode, time, (north, east)) = match *says.lock().unwrap() {
                Says::NoFix => (1, past(seconds), azores),
                Says::Old => (3, past(0), azores),
                Says::Fix => (3, past(seconds), azores),
                Says::Here(north, east) => {
                    let now = jiff::Timestamp::now().as_second() + report;
                    (3, jiff::Timestamp::from_second(now).unwrap().to_string(), (north, east))
                }
            };
            let place = format!("\"lat\":{north:.6},\"lon\":{east:.6},\"altHAE\":52.1");
            let report = format!(
                "{{\"class\":\"TPV\",\"device\":\"/dev/ttyACM0\",\"mode\":{mode},\"time\":\"{time}\",{place}}}\r\n"
            );
            // A client that has left is the end of it.
            if to.write_all(report.as_bytes()).is_err() {
                return;
            }
        }
    }
}
