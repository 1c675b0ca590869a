//! Sleep that ends early when there is something to do, for one wake-up per event: the reactor of `smol`, with a thread of its
//! own, takes five. For waits that concern no socket of `smol`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

/// Turns the wake-up of a future into something that `poll` sees.
struct Bell(OwnedFd);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // the only failure is a counter at its end, and then the bell rings already
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// Sleeps until `future` is ready (its value), `input` has something to read or is gone, or `until`. May end early without
/// any of them.
pub fn until_ready<T>(future: impl Future<Output = T>, input: Option<BorrowedFd<'_>>, until: Instant) -> Option<T> {
    let mut future = pin!(future);
    let mut look = |waker: &Waker| match future.as_mut().poll(&mut Context::from_waker(waker)) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    };
    let Ok(fd) = rustix::event::eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC) else {
        // no descriptor is to be had: look often until there is
        crate::clock::sleep(Duration::from_millis(50).min(until.saturating_duration_since(Instant::now())));
        return look(Waker::noop());
    };
    let bell = Arc::new(Bell(fd));
    let waker = Waker::from(Arc::clone(&bell));
    if let Some(value) = look(&waker) {
        return Some(value);
    }
    let ring = PollFd::new(&bell.0, PollFlags::IN);
    match input {
        Some(input) => until_any(&mut [ring, PollFd::from_borrowed_fd(input, PollFlags::IN)], until),
        None => until_any(&mut [ring], until),
    }
    look(&waker)
}

/// Sleeps until `input` has something to read or is gone, or `until`.
pub fn until_readable(input: &impl AsFd, until: Instant) {
    until_any(&mut [PollFd::new(input, PollFlags::IN)], until);
}

/// Sleeps until `output` takes more or is gone, or `until`.
pub fn until_writable(output: &impl AsFd, until: Instant) {
    until_any(&mut [PollFd::new(output, PollFlags::OUT)], until);
}

/// Errors (a signal) end the sleep early, which every caller bears: they look and sleep again.
fn until_any(descriptors: &mut [PollFd<'_>], until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    let _ = rustix::event::poll(descriptors, Timespec::try_from(left).ok().as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_a_descriptor_and_the_time_end_a_sleep() {
        let far = || Instant::now() + Duration::from_secs(60);
        let (send, items) = smol::channel::bounded(1);
        let sender = std::thread::spawn(move || send.send_blocking(7));
        assert_eq!(until_ready(items.recv(), None, far()), Some(Ok(7)));
        sender.join().unwrap().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(writer);
        let never = std::future::pending::<()>;
        assert_eq!(until_ready(never(), Some(reader.as_fd()), far()), None);
        assert_eq!(until_ready(never(), None, Instant::now()), None);
    }
}
