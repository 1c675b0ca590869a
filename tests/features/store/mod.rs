//! Power cuts, full disks and unreadable records: nothing that got its 250 is lost.

mod disks;
mod failing;
mod faults;
mod idle;
mod log;
mod mutated;
mod old_folders;
mod power_cuts;
mod pulled_plugs;
mod restarts;
mod starts;
