//! Two boxes over the internet: the real binary at both ends of a line that is cut, stalled, narrowed and replaced.

mod both_ways;
mod breaks;
mod later;
mod pairing;
mod strangers;
mod whole;
mod world;

use world::Sea;
