//! People, their devices and their numbers.

mod changes;
mod devices_and_numbers;
