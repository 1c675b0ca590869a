//! Questions whose answer can wait: they are asked again when something has changed, and answered when there is news or
//! their time is over.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::respond;
use crate::admin::request::Request;
use crate::admin::response::Response;

/// How long a question waits at most; the gate gives it a minute.
pub const LONGEST: Duration = Duration::from_secs(40);
/// How often to look whether something has changed, while somebody waits.
const LOOK: Duration = Duration::from_millis(250);
/// A question is asked again no sooner than so long after the last time.
const PACE: Duration = Duration::from_secs(1);
/// Questions that wait in all.
const MOST: usize = 16;
/// Of one address: half of what the gate lets in from there.
const MOST_OF_ONE: usize = 6;

/// A question that waits.
pub struct Held {
    incoming: tiny_http::Request,
    request: Request,
    /// What it is told when there is no room for it.
    response: Response,
    since: Instant,
    asked: Instant,
    /// The numbers of the changes when it was asked last; `None` before the thread has it.
    seen: Option<(u64, u64)>,
}

impl Held {
    /// Makes it from a request and the answer that it has for now.
    pub fn new(incoming: tiny_http::Request, request: Request, response: Response) -> Self {
        Self { incoming, request, response, since: Instant::now(), asked: Instant::now(), seen: None }
    }
}

/// Keeps the questions that come until each has its answer. Ends, after answering all of them, when no more can come.
pub fn keep(questions: &Receiver<Held>, answer: impl Fn(&Request) -> Response, changes: impl Fn() -> (u64, u64)) {
    let mut waiting: Vec<Held> = Vec::new();
    loop {
        let next = match waiting.is_empty() {
            true => questions.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => questions.recv_timeout(LOOK),
        };
        match next {
            Ok(question) => {
                make_room(&mut waiting, &question.request.peer);
                waiting.push(question);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let now = changes();
        for at in (0..waiting.len()).rev() {
            let question = &mut waiting[at];
            let over = question.since.elapsed() >= LONGEST;
            // What changed between its first answer and now is not known: it is asked once more in its first second.
            let changed = question.seen != Some(now) && question.asked.elapsed() >= PACE;
            if !over && !changed {
                continue;
            }
            let response = answer(&question.request);
            (question.asked, question.seen) = (Instant::now(), Some(now));
            if over || !response.waits {
                respond(waiting.remove(at).incoming, response);
            }
        }
    }
    for question in waiting {
        respond(question.incoming, question.response);
    }
}

/// Answers the oldest questions of this address, or of all, when there are too many: most of those come from pages that were
/// left meanwhile.
fn make_room(waiting: &mut Vec<Held>, peer: &str) {
    let of_peer = |held: &&Held| held.request.peer == peer;
    let full_of_one = waiting.iter().filter(of_peer).count() >= MOST_OF_ONE;
    let oldest = match full_of_one {
        true => waiting.iter().position(|held| held.request.peer == peer),
        false if waiting.len() >= MOST => Some(0),
        false => None,
    };
    if let Some(oldest) = oldest {
        let held = waiting.remove(oldest);
        respond(held.incoming, held.response);
    }
}
