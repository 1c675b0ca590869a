//! The queue at a glance: what waits, since when, in which state. Looked at no more than once in two seconds.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::admin::App;
use crate::clock::Time;
use crate::message::State;

/// A look that is younger than this is still good.
const FRESH: Duration = Duration::from_secs(2);
/// So many messages are looked at; of a longer queue the page says "at least".
const MOST: usize = 500;

/// What waits.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// Messages that wait for their way out, or on the modem.
    pub waiting: usize,
    /// Messages that wait for the owner.
    pub held: usize,
    /// Count and oldest acceptance by state, in the order of the ladder.
    pub states: Vec<(State, usize, Time)>,
    /// There are more than were looked at.
    pub more: bool,
}

/// What waits now. An unreadable queue looks empty here; the page has its failure banner from the store itself.
pub fn look(app: &App) -> Queue {
    let mut kept = app.queue.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, queue)) = &*kept
        && at.elapsed() < FRESH
    {
        return queue.clone();
    }
    let queue = read(app).unwrap_or_default();
    *kept = Some((Instant::now(), queue.clone()));
    queue
}

/// The next look sees what a form just changed.
pub fn look_anew(app: &App) {
    *app.queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn read(app: &App) -> Result<Queue, crate::fault::Fault> {
    app.store.read(|view| {
        let ids = view.waiting()?;
        let mut queue = Queue { more: ids.len() > MOST, ..Queue::default() };
        for id in ids.iter().take(MOST) {
            let Ok(Some(message)) = view.message(*id) else { continue };
            match queue.states.iter_mut().find(|(state, ..)| *state == message.state) {
                Some((_, count, oldest)) => {
                    *count += 1;
                    *oldest = (*oldest).min(message.accepted);
                }
                None => queue.states.push((message.state, 1, message.accepted)),
            }
        }
        queue.states.sort_by_key(|(state, ..)| *state);
        queue.held = queue.states.iter().find(|(state, ..)| *state == State::Held).map_or(0, |(_, count, _)| *count);
        queue.waiting = ids.len() - queue.held;
        Ok(queue)
    })
}
