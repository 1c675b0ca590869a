//! One connection over a simulated line: each direction is read by one thread and written by another, so that what is on
//! its way is on its way for as long as it takes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::faults::Way;

/// Bytes of one piece: what fits a segment.
const PIECE: usize = 1400;
/// Pieces on their way: about 4 MB.
const ON_THE_WAY: usize = 3000;
/// How often a thread that waits looks whether the line has ended.
const LOOK: Duration = Duration::from_millis(50);
/// A line that drips passes one byte in this time.
const DRIP: Duration = Duration::from_millis(20);

/// Carries a connection until it has ended in both directions, or is reset.
pub fn run(near: TcpStream, far: TcpStream, number: u64, shared: &Arc<Shared>) {
    let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { return };
    std::thread::scope(|scope| {
        scope.spawn(|| direction(near, far_too, number, Way::Up, shared));
        direction(far, near_too, number, Way::Down, shared);
    });
    shared.lock().live.retain(|(known, ..)| *known != number);
}

fn direction(from: TcpStream, to: TcpStream, number: u64, way: Way, shared: &Shared) {
    let (sender, pieces) = sync_channel(ON_THE_WAY);
    std::thread::scope(|scope| {
        scope.spawn(move || read(from, &sender));
        write(to, number, way, shared, &pieces);
    });
}

/// Takes bytes until there are no more.
fn read(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>) {
    let mut piece = [0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(count) if count > 0 => {
                if sender.send((Instant::now(), piece[..count].to_vec())).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// Passes them on, as late and as slowly as the line is.
fn write(mut to: TcpStream, number: u64, way: Way, shared: &Shared, pieces: &Receiver<(Instant, Vec<u8>)>) {
    let mut free = Instant::now();
    loop {
        let (came, piece) = match pieces.recv_timeout(LOOK) {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Timeout) if !shared.stopping() => continue,
            // The end of one side is told to the other, unless the line keeps it.
            _ => {
                let kept = way == Way::Down && shared.lock().faults.keep;
                if !kept || shared.stopping() {
                    let _ = to.shutdown(Shutdown::Write);
                }
                return;
            }
        };
        wait_while_stalled(shared, way);
        let (delay, rate, drip, left) = {
            let mut state = shared.lock();
            state.counts.pieces += 1;
            let faults = &mut state.faults;
            let bytes = u64::try_from(piece.len()).unwrap_or_default();
            let left = faults.cut_after[way.at()];
            faults.cut_after[way.at()] = left.map(|left| left.saturating_sub(bytes));
            (faults.delay, faults.rate, faults.drip, left.and_then(|left| usize::try_from(left).ok()))
        };
        let whole = left.is_none_or(|left| left >= piece.len());
        let piece = if whole { &piece[..] } else { &piece[..left.unwrap_or_default()] };
        free = free.max(came + delay);
        sleep_until(free);
        // What was on its way when the line stalled is held as well.
        wait_while_stalled(shared, way);
        let written = match drip {
            true => piece.iter().all(|byte| {
                crate::clock::sleep(DRIP);
                to.write_all(&[*byte]).is_ok()
            }),
            false => to.write_all(piece).is_ok(),
        };
        if written {
            let bytes = u64::try_from(piece.len()).unwrap_or_default();
            // At a rate of 0 as many go as come.
            free += Duration::from_nanos(bytes.saturating_mul(8_000_000_000).checked_div(rate).unwrap_or_default());
            let counts = &mut shared.lock().counts;
            match way {
                Way::Up => counts.up += bytes,
                Way::Down => counts.down += bytes,
            }
        }
        // Reset behind the byte that was asked for, even if that was the last of its piece.
        let cut = left.is_some_and(|left| left <= piece.len());
        if cut {
            shared.lock().faults.cut_after[way.at()] = None;
        }
        if !written || cut {
            shared.reset(number);
            return;
        }
    }
}

fn wait_while_stalled(shared: &Shared, way: Way) {
    let mut state = shared.lock();
    while state.faults.stalled[way.at()] && !shared.stopping() {
        state = shared.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn sleep_until(at: Instant) {
    let left = at.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        crate::clock::sleep(left);
    }
}
