//! Mail that comes in.

mod accept;
mod clients;
mod load;
