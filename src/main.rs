//! satpost: a satellite post office in one binary.
#![allow(dead_code)]

mod address;
mod admin;
mod clock;
mod deliver;
mod engine;
mod fault;
mod link;
mod listen;
mod message;
mod people;
mod pulse;
mod route;
mod settings;
mod sim;
mod store;
mod sys;
mod wire;

fn main() {}
