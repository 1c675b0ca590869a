//! The box as a stranger would judge it: what Space Beaver did and should have done, case by case, from outside of the
//! real binary. Carriers that lie, people who come and go, roles, counts, and who costs nothing.

#[path = "../common/mod.rs"]
mod common;
#[path = "../texting/ground.rs"]
mod ground;

mod fake;
mod late;
mod odd;
mod people;
mod quiet;
mod roles;
mod usage;
