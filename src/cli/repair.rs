//! `satpost repair`.

use std::path::Path;
use std::process::ExitCode;

use argh::{ArgsInfo, FromArgs};

use super::progress::{self, Bar};
use super::service::Stopped;
use super::session::Failure;
use crate::clock::Clock;
use crate::store;

/// Make a new store of what can be read of a damaged one, and name what is lost. The service of this machine is stopped for
/// it and started again; a box that runs otherwise has to be stopped before.
#[derive(ArgsInfo, FromArgs)]
#[argh(
    subcommand,
    name = "repair",
    example = "  sudo satpost repair",
    note = "A backup is better, where there is one: 'satpost restore'. The damaged file is kept beside the new one. Its room on
the disk is needed twice while the repair runs."
)]
pub struct Repair {
    /// print JSON
    #[argh(switch)]
    json: bool,
}

impl Repair {
    pub(super) fn go(self, data: &Path) -> Result<ExitCode, Failure> {
        // Whoever is interrupted from here on starts the service again.
        progress::catch();
        let _service = Stopped::stop(data)?;
        if progress::is_stopped() {
            return Err(Failure::failed("nothing was changed"));
        }
        if std::os::unix::net::UnixStream::connect(data.join(crate::control::SOCKET)).is_ok() {
            return Err(Failure::failed(format!("a box runs in {}: stop it first", data.display())));
        }
        // redb panics on bad pages, which is caught page by page: no news for the operator.
        std::panic::set_hook(Box::new(|why| log::debug!("repair: {why}")));
        let stamp = Clock::system().now().seconds().to_string();
        let bar = Bar::new();
        let repaired = store::repair(data, &stamp, &|stage, done, total| bar.at(stage, done, total))?;
        drop(bar);
        let mut text = if self.json {
            serde_json::to_string(&repaired).unwrap_or_default() + "\n"
        } else {
            let mut text =
                format!("{} messages, {} rows in all are in the new store\n", repaired.messages, repaired.rows);
            if repaired.lost_rows > 0 {
                text.push_str(&format!("{} rows could not be read\n", repaired.lost_rows));
            }
            repaired.lost.iter().for_each(|lost| text.push_str(&format!("lost: {lost}\n")));
            text
        };
        if !self.json {
            text.push_str(&format!("the damaged store is kept as {}\n", repaired.kept.display()));
        }
        super::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
