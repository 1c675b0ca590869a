//! Two boxes over the internet: the real binary at both ends of a line that is cut, stalled, narrowed and replaced.
//!
//! The cases of `ip-link.md` section 9, and what drives each (`unit` is beside the code in `link::ip`):
//!
//! | case | |
//! |---|---|
//! | 1 bytes of a message | [`few_bytes`], `tests/bench/line`; no test claims a time |
//! | 2 an idle hour | unit `keep_alive` |
//! | 3 killed before and behind the commit | [`breaks`] `a_gateway_that_is_killed_...`, `a_station_...` |
//! | 4 a cut at every byte | [`breaks`] `cuts`, unit `session` |
//! | 5 stalled, then by satellite | `links::cases::what_a_silent_line_has_...`, [`breaks`] `a_line_that_swallows_...` |
//! | 6 back during a session, 7 unknown and asked | `links::modems`, `worker::moves`, `worker::asked` beside the code |
//! | 8 a login page | [`breaks`] `a_portal_...`, `links::cases`, its bytes: unit `dial` |
//! | 9 pairing that fails | [`pairing`] |
//! | 10 another store, 11 an older one | [`breaks`] `a_gateway_that_was_set_up_anew_...`, `a_station_that_was_put_back_...` |
//! | 12 urgent first, 14 bytes used up, 16 two copies | [`limits`] |
//! | 13 too large, 17 strangers | [`strangers`], unit `frame` |
//! | 15 no clock | `links::cases::a_clock_that_jumps_...`: keys have no dates |

mod both_ways;
mod breaks;
mod few_bytes;
mod later;
mod limits;
mod moved;
mod pairing;
mod strangers;
mod whole;
mod world;

pub use whole::{mail, on_the_wire};
use world::Sea;
