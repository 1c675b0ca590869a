//! The engine: moves what the store holds.

pub mod wishes;
