//! satpost: a satellite post office in one binary.
#![allow(dead_code)]

mod address;
mod cli;
mod clock;
mod deliver;
mod fault;
mod link;
mod listen;
mod message;
mod route;
mod settings;
mod sim;
mod sys;
mod wire;

fn main() -> std::process::ExitCode {
    env_logger::init_from_env(env_logger::Env::default().default_filter_or("info"));
    cli::run()
}
