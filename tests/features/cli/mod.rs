//! The commands: with a box that runs, without one, and over its control socket.

mod backups;
mod coding;
mod commands;
mod control;
mod gpsd;
mod honest;
mod of_root;
mod pasted;
mod progress;
mod running_and_stopped;
mod sendmail;
