//! Who may write over the air, and what costs nothing.

mod field;
mod forged;
mod machines;
mod strangers;
mod unwanted;
mod writers;
