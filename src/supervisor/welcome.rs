//! Says where the page of the box is, and the code that claims a new one: in the system log and on the log-in screen of the
//! console.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::admin::service::{Actor, Service};
use crate::engine::Context;

/// Says where the page is, and the claim code while the box has no owner.
pub fn say(context: &Context) {
    let facts = context.status.facts();
    let pages: Vec<_> = facts.listen.get("web").into_iter().flatten().map(|address| page(*address)).collect();
    let service = Service::new(&context.store, Actor::command_line(rustix::process::getuid().as_raw()));
    let mut lines: Vec<String> = pages.iter().map(|page| format!("satpost: {page}")).collect();
    if !service.claimed() {
        match service.setup_code(false) {
            Ok(code) => lines.push(format!("this box has no owner yet: open its page and type the code {code}")),
            Err(fault) => log::error!("the box cannot be claimed: {fault}"),
        }
    }
    for line in &lines {
        log::info!("{line}");
    }
    if let Some(folder) = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if let Err(error) = std::fs::write(folder.join("issue"), text) {
            log::warn!("the console does not show the address of the page: {error}");
        }
    }
}

/// Makes the address that a person types; a listener on all addresses is named by one that leads to it.
fn page(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() => outward().map_or_else(super::listeners::host_name, |ip| ip.to_string()),
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    match address.port() {
        80 => format!("http://{host}/"),
        port => format!("http://{host}:{port}/"),
    }
}

/// Gives the address that this machine has toward its network; nothing is sent to find it out.
fn outward() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    // Any address outside will do: connecting a datagram socket only looks up the route.
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified())
}
