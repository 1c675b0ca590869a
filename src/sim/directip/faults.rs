//! The faults that only this service has.

use crate::sim::faults::{Fault, Menu};

/// The element of what was carried comes first, with one that nobody knows behind it.
pub(super) const ORDER: &str = "order";
/// A message is sent twice.
pub(super) const TWICE: &str = "twice";
/// Before a message comes half of it, and the end.
pub(super) const CUT: &str = "cut";
/// Before a message comes one that is one byte shorter than it says, and then nothing.
pub(super) const LONG: &str = "long";
/// Before a message comes one that names no terminal.
pub(super) const GARBAGE: &str = "garbage";
/// The confirmation is of another message.
pub(super) const OTHER: &str = "other";

/// Statuses that a message for a terminal can be refused with.
const STATUSES: [(&str, i16); 12] = [
    ("-1", -1),
    ("-2", -2),
    ("-3", -3),
    ("-4", -4),
    ("-5", -5),
    ("-6", -6),
    ("-7", -7),
    ("-8", -8),
    ("-9", -9),
    ("-10", -10),
    ("-11", -11),
    ("-12", -12),
];

/// Its endpoints: a message for a terminal, a message from one.
pub(super) static MENU: Menu = Menu {
    endpoints: &["mt", "hook"],
    own: &[
        "-1", "-2", "-3", "-4", "-5", "-6", "-7", "-8", "-9", "-10", "-11", "-12", OTHER, ORDER, TWICE, CUT, LONG,
        GARBAGE,
    ],
};

/// The status that a message is refused with because of this fault.
pub(super) fn status(fault: Fault) -> Option<i16> {
    STATUSES.iter().find(|(name, _)| fault == Fault::Own(name)).map(|(_, status)| *status)
}
