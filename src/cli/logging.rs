//! Writes log lines to standard error: with priorities for the system log, as plain text for a terminal.

use std::io::{IsTerminal, Write};

use env_logger::{Builder, WriteStyle};
use log::{Level, LevelFilter};

/// Starts the log. `SATPOST_LOG` (error, warn, info, debug) overrides `level`; other crates never say more than
/// warnings.
pub fn start(level: LevelFilter) {
    let wanted = std::env::var("SATPOST_LOG").unwrap_or_default();
    let level = wanted.trim().parse().unwrap_or(level);
    let plain = std::io::stderr().is_terminal();
    let mut builder = Builder::new();
    builder.filter_level(level.min(LevelFilter::Warn)).filter_module("satpost", level);
    builder.write_style(WriteStyle::Never).format(move |out, record| {
        // systemd reads the priority from the front of each line, so a text of several lines becomes one.
        let text = record.args().to_string().replace('\n', " ");
        let target = record.target().strip_prefix("satpost::").unwrap_or(record.target());
        crate::sys::recent::keep(record.level(), target, &text);
        if plain {
            writeln!(out, "{} {target}: {text}", record.level())
        } else {
            writeln!(out, "<{}>{target}: {text}", priority(record.level()))
        }
    });
    // Fails only when there is a log already, which is as good.
    let _ = builder.try_init();
}

/// Gives priority of syslog(3), which sd-daemon(3) understands.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}
