//! When waiting messages leave: at once, or after a wait for others to share the packet with.

/// What the gathering looks at in a message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatheredMessage {
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// It does not wait for others.
    pub urgent: bool,
    /// Bytes that it takes alone, see [`Peer::measure`](super::Peer::measure).
    pub bytes: usize,
}

/// When the messages that wait leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// They leave now, for this reason.
    Now(DepartureReason),
    /// At this time, unless something changes before.
    At(i64),
    /// No message waits.
    Never,
}

/// Why messages that wait leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepartureReason {
    /// One of them is urgent and does not wait for others.
    Urgent,
    /// They fill a packet.
    Full,
    /// A satellite is in view.
    Pass,
    /// The first of them has waited its time.
    Timer,
}

/// Bytes of check and format that a message does not need when it shares a packet.
const HEAD: usize = 2;

/// Whether the messages go now. `pass`: a pass has begun, so waiting costs more than it may save.
pub fn departure(waiting: &[GatheredMessage], room: usize, timer: i64, pass: bool, now: i64) -> Departure {
    let Some(first) = waiting.iter().map(|message| message.since).min() else { return Departure::Never };
    let bytes: usize = waiting.iter().map(|message| message.bytes.saturating_sub(HEAD)).sum();
    let over = first.saturating_add(timer);
    match () {
        () if waiting.iter().any(|message| message.urgent) => Departure::Now(DepartureReason::Urgent),
        () if bytes + HEAD >= room => Departure::Now(DepartureReason::Full),
        () if pass => Departure::Now(DepartureReason::Pass),
        () if over <= now => Departure::Now(DepartureReason::Timer),
        () => Departure::At(over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_for_others_as_long_as_that_may_save_a_packet() {
        let message = |since, bytes| GatheredMessage { since, urgent: false, bytes };
        let (one, full) = ([message(100, 60)], [message(200, 100), message(150, 96)]);
        assert_eq!(departure(&[], 192, 50, true, 0), Departure::Never);
        assert_eq!(departure(&one, 192, 50, false, 120), Departure::At(150));
        assert_eq!(departure(&one, 192, 50, false, 150), Departure::Now(DepartureReason::Timer));
        assert_eq!(departure(&one, 192, 50, true, 120), Departure::Now(DepartureReason::Pass));
        assert_eq!(departure(&full, 192, 500, false, 200), Departure::Now(DepartureReason::Full));
        assert_eq!(departure(&full, 340, 500, false, 200), Departure::At(650));
        let urgent = [GatheredMessage { urgent: true, ..one[0] }, full[0]];
        assert_eq!(departure(&urgent, 192, 500, false, 200), Departure::Now(DepartureReason::Urgent));
    }
}
