//! Mail that comes in.

mod accept;
mod clients;
mod devices;
mod front;
mod load;
