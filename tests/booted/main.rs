//! What happens to an appliance that nobody can reach, on a Debian that is really booted.

mod alone;
mod container;
mod first;
mod life;
mod machine;
mod owner;
mod package;
mod papers;
