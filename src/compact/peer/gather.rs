//! When waiting letters leave: at once, or after a wait for others to share the packet with.

/// A letter that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// It does not wait for others.
    pub urgent: bool,
    /// Bytes that it takes alone, see [`Peer::measure`](super::Peer::measure).
    pub bytes: usize,
}

/// When they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Now, for this reason.
    Now(Why),
    /// At this time, unless something changes before.
    At(i64),
    /// Nothing waits.
    Never,
}

/// Why letters leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// One of them is urgent.
    Urgent,
    /// They fill a packet.
    Full,
    /// A satellite is in view.
    Pass,
    /// The first of them has waited its time.
    Timer,
}

/// Bytes of check and format that a letter does not need when it shares a packet.
const HEAD: usize = 2;

/// Whether the letters go now. `pass`: a pass has begun, so waiting costs more than it may save.
pub fn when(waiting: &[Waits], room: usize, timer: i64, pass: bool, now: i64) -> When {
    let Some(first) = waiting.iter().map(|letter| letter.since).min() else { return When::Never };
    let bytes: usize = waiting.iter().map(|letter| letter.bytes.saturating_sub(HEAD)).sum();
    let over = first.saturating_add(timer);
    match () {
        () if waiting.iter().any(|letter| letter.urgent) => When::Now(Why::Urgent),
        () if bytes + HEAD >= room => When::Now(Why::Full),
        () if pass => When::Now(Why::Pass),
        () if over <= now => When::Now(Why::Timer),
        () => When::At(over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_wait_for_others_as_long_as_that_may_save_a_packet() {
        let letter = |since, bytes| Waits { since, urgent: false, bytes };
        let (one, full) = ([letter(100, 60)], [letter(200, 100), letter(150, 96)]);
        assert_eq!(when(&[], 192, 50, true, 0), When::Never);
        assert_eq!(when(&one, 192, 50, false, 120), When::At(150));
        assert_eq!(when(&one, 192, 50, false, 150), When::Now(Why::Timer));
        assert_eq!(when(&one, 192, 50, true, 120), When::Now(Why::Pass));
        assert_eq!(when(&full, 192, 500, false, 200), When::Now(Why::Full));
        assert_eq!(when(&full, 340, 500, false, 200), When::At(650));
        let urgent = [Waits { urgent: true, ..one[0] }, full[0]];
        assert_eq!(when(&urgent, 192, 500, false, 200), When::Now(Why::Urgent));
    }
}
