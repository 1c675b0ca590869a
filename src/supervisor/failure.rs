//! The box cannot open its store: its page says why, on every path, until that is fixed. Only where systemd handed
//! over the socket of the page; a box that somebody started by hand says it to them and ends.

use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use smol::future::or;

use super::WRONG_SETTINGS;
use crate::clock::Clock;
use crate::fault::Fault;
use crate::listen::gate::Gate;
use crate::listen::http::{HttpFront, Rules};
use crate::settings::Settings;
use crate::store::Store;
use crate::sys::notify;
use crate::sys::signals::Stop;

/// The store is tried again after this.
const AGAIN: Duration = Duration::from_secs(10);

/// Says the fault, on the page if there is one, and waits until it is fixed or the box is told to end.
pub fn tell(fault: &Fault, data: &Path, web: Vec<TcpListener>, signals: Stop) -> ExitCode {
    log::error!("{fault}");
    let code = ExitCode::from(if matches!(fault, Fault::Operator(_)) { WRONG_SETTINGS } else { 1 });
    if web.is_empty() || !matches!(fault, Fault::Operator(_)) {
        return code;
    }
    match serve(fault, data, web, signals) {
        Ok(code) => code,
        Err(fault) => {
            log::error!("{fault}");
            code
        }
    }
}

fn serve(fault: &Fault, data: &Path, web: Vec<TcpListener>, mut signals: Stop) -> Result<ExitCode, Fault> {
    let folder = std::env::temp_dir().join(format!("satpost-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(Fault::operator)?;
    let socket = folder.join("web.sock");
    let page = crate::admin::serve_failure(&fault.why(), &socket)?;
    let host = super::listeners::host_name();
    let rules = Box::new(move || Rules::new(&Settings::default(), &host));
    let front = HttpFront::new(socket, folder.clone(), rules);
    let gate = Gate::open(web, Arc::new(front), Arc::default()).map_err(Fault::operator)?;
    notify::ready();
    notify::status(&fault.why());
    let code = loop {
        let ended = async {
            signals.next().await;
            true
        };
        let later = async {
            smol::Timer::after(notify::watchdog_interval().unwrap_or(AGAIN).min(AGAIN)).await;
            false
        };
        if smol::block_on(or(ended, later)) {
            break ExitCode::SUCCESS;
        }
        notify::watchdog();
        if let Ok(store) = Store::open(data, &Clock::system()) {
            store.close();
            log::info!("the store can be opened again: starting anew");
            break ExitCode::FAILURE;
        }
    };
    gate.stop(Duration::from_secs(2));
    page.stop();
    // The folder is in a temporary place: what stays behind goes with it.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(code)
}
