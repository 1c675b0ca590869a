//! Mail that comes in.

mod accept;
mod clients;
mod front;
mod load;
