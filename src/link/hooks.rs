//! Where the web listener leaves calls of a network's ground service for the driver that serves them. The answer goes out
//! when the driver says so: after what the call brought is on disk.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smol::channel::{Receiver, Sender, bounded};
use smol::future::or;

/// Calls that wait for one driver.
const WAITING: usize = 32;

/// A call of a ground service, which waits for its answer.
pub struct HookCall {
    /// Where it comes from, if that is known.
    pub from: Option<IpAddr>,
    /// Its content type; empty when it names none.
    pub kind: String,
    /// The fields of its form, if it is one.
    pub form: Vec<(String, String)>,
    /// Its body, if it is no form.
    pub body: Vec<u8>,
    /// Where the status goes that it is answered with.
    pub answer: Sender<u16>,
}

/// The path of mails for this local part. No path of the web is like it, as each of those has a slash in it.
pub fn mail_path(local: &str) -> String {
    format!("mail:{}", local.to_lowercase())
}

/// Who answers below which path.
type Listener = (String, Sender<HookCall>);

/// The way from the web listener to the drivers; clones share it.
#[derive(Clone, Default)]
pub struct Hooks(Arc<Mutex<Vec<Listener>>>);

impl Hooks {
    /// Becomes the one who is called at this path, as long as the receiver lives.
    pub fn listen(&self, path: &str) -> Receiver<HookCall> {
        let (sender, receiver) = bounded(WAITING);
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|(known, sender)| known != path && !sender.is_closed());
        listeners.push((path.to_owned(), sender));
        receiver
    }

    /// Hands a call over and waits for its answer: the status; `None` when nobody is called at this path. A driver that does
    /// not answer within the limit is not able to now (503), and the service calls again.
    pub fn call(&self, path: &str, call: impl FnOnce(Sender<u16>) -> HookCall, limit: Duration) -> Option<u16> {
        let listener = self.find(path)?;
        let (answer, answered) = bounded(1);
        if listener.try_send(call(answer)).is_err() {
            return Some(503);
        }
        let late = async {
            smol::Timer::after(limit).await;
            503
        };
        Some(smol::block_on(or(async { answered.recv().await.unwrap_or(503) }, late)))
    }

    /// True where somebody is called at this path.
    pub fn knows(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    fn find(&self, path: &str) -> Option<Sender<HookCall>> {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // All are compared to their ends: how long that takes tells nothing of the secret in the path.
        let fits = |known: &str| {
            let pairs = known.bytes().zip(path.bytes());
            let differ = pairs.fold(known.len() ^ path.len(), |differ, (a, b)| differ | usize::from(a ^ b));
            differ == 0
        };
        let found = listeners.into_iter().filter(|(known, sender)| fits(known) && !sender.is_closed()).last();
        found.map(|(_, listener)| listener)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_waits_for_its_answer_and_nobody_answers_elsewhere() {
        let hooks = Hooks::default();
        let call = |answer| HookCall { from: None, kind: String::new(), form: Vec::new(), body: b"x".to_vec(), answer };
        let soon = Duration::from_secs(10);
        assert_eq!(hooks.call("ground/abc", call, soon), None);
        let calls = hooks.listen("ground/abc");
        let thread = std::thread::spawn(move || {
            let call = calls.recv_blocking().unwrap();
            call.answer.send_blocking(200).unwrap();
            calls
        });
        assert_eq!(hooks.call("ground/abc", call, soon), Some(200));
        let calls = thread.join().unwrap();
        for path in ["ground/abd", "ground/ab", "ground/abcd", ""] {
            assert_eq!(hooks.call(path, call, soon), None, "{path}");
        }
        assert_eq!(hooks.call("ground/abc", call, Duration::from_millis(10)), Some(503), "nobody is in time");
        drop(calls);
        assert_eq!(hooks.call("ground/abc", call, soon), None);
    }
}
