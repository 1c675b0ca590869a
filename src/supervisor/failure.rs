//! The box cannot work for now: its page says why, on every path, and its mail ports answer `421`, until that is over. Only
//! where systemd handed over the sockets; a box that somebody started by hand says it to them and ends.

use std::sync::Arc;
use std::time::Duration;

use smol::future::or;

use crate::fault::Fault;
use crate::listen::gate::Gate;
use crate::listen::http::HttpFront;
use crate::listen::http_rules::Rules;
use crate::sys::notify;
use crate::sys::signals::Stop;
use crate::sys::sockets::Sockets;

/// Sessions may take so long to end when it is over.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a wait after a failure ended.
pub enum Ended<T> {
    /// The cause is gone; this is what it gave.
    Over(T),
    /// The box was told to end.
    Told,
}

/// Shows `why` until `over` gives something, asked every `again`, or until a signal.
///
/// # Errors
/// When there is no socket to show it on, or it cannot be served there.
pub fn show<T>(
    why: &str,
    sockets: &Sockets,
    signals: &mut Stop,
    again: Duration,
    over: impl FnMut() -> Option<T>,
) -> Result<Ended<T>, Fault> {
    let web = sockets.copies(super::listeners::WEB).map_err(Fault::operator)?;
    if web.is_empty() {
        return Err(Fault::operator(why));
    }
    let folder = super::private_folder(&std::env::temp_dir()).join(format!("failure-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(Fault::operator)?;
    let socket = folder.join("web.sock");
    let page = crate::admin::serve_failure(why, &socket)?;
    let rules = Box::new(|| Rules::new(&Arc::default(), &super::listeners::host_name()));
    let front = Arc::new(HttpFront::new(socket, folder.clone(), rules));
    let mut gates = vec![Gate::open(web, front, Arc::default())];
    for (name, closed) in super::listeners::while_closed(&super::listeners::host_name()) {
        let mail = sockets.copies(name).map_err(Fault::operator)?;
        if !mail.is_empty() {
            gates.push(Gate::open(mail, Arc::new(closed), Arc::default()));
        }
    }
    let gates: Vec<_> = gates.into_iter().collect::<Result<_, _>>().map_err(Fault::operator)?;
    notify::ready();
    notify::status(why);
    let ended = wait(signals, again, over);
    for gate in &gates {
        gate.stop(FAREWELL);
    }
    page.stop();
    notify::status("");
    // The folder is in a temporary place: what stays behind goes with it.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(ended)
}

/// Waits until `over` gives something, asked every `again`, or until a signal; the watchdog is fed meanwhile.
pub fn wait<T>(signals: &mut Stop, again: Duration, mut over: impl FnMut() -> Option<T>) -> Ended<T> {
    loop {
        if let Some(found) = over() {
            return Ended::Over(found);
        }
        let told = async {
            signals.next().await;
            true
        };
        let later = async {
            smol::Timer::after(notify::watchdog_interval().unwrap_or(again).min(again)).await;
            false
        };
        if smol::block_on(or(told, later)) {
            return Ended::Told;
        }
        notify::watchdog();
    }
}
