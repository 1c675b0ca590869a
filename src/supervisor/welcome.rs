//! Says where the page of the box is, and the code that claims a new one: in the system log and on the log-in screen of the
//! console. Addresses come and go, and a code is used: it is said anew when it changed.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::listeners::{WEB, WEBS};
use crate::admin::service::{Actor, Service};
use crate::engine::Context;
use crate::sys::network;

/// Addresses that are named at most.
const MOST: usize = 4;

/// The lines that were written to the log last, so that they are not repeated.
#[derive(Debug, Default)]
pub struct Welcome {
    lines: Vec<String>,
}

impl Welcome {
    /// Says where the page is, and the claim code while the box has no owner, if that is not what was said last.
    pub fn say(&mut self, context: &Context) {
        let lines = lines(context);
        if lines == self.lines {
            return;
        }
        for line in lines.iter().filter(|line| !self.lines.contains(line)) {
            log::info!("{line}");
        }
        if let Some(folder) = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            if let Err(error) = std::fs::write(folder.join("issue"), text) {
                log::warn!("the console does not show the address of the page: {error}");
            }
        }
        self.lines = lines;
    }
}

fn lines(context: &Context) -> Vec<String> {
    let facts = context.status.facts();
    let open = |name| facts.listen.get(name).into_iter().flatten();
    let pages = open(WEB)
        .flat_map(|address| pages("http", *address))
        .chain(open(WEBS).flat_map(|address| pages("https", *address)));
    let mut lines: Vec<String> = pages.map(|page| format!("satpost: {page}")).collect();
    lines.dedup();
    let service = Service::new(&context.store, Actor::command_line(rustix::process::getuid().as_raw()));
    if !service.claimed() {
        match service.setup_code(false) {
            Ok(code) => lines.push(format!("this box has no owner yet: open its page and type the code {code}")),
            Err(fault) => log::error!("the box cannot be claimed: {fault}"),
        }
    }
    lines
}

/// Makes the addresses that a person types; a listener on all addresses is named by those that lead to it.
fn pages(scheme: &str, address: SocketAddr) -> Vec<String> {
    let ip = address.ip();
    let mut hosts = match ip.is_unspecified() {
        true => network::addresses().into_iter().filter(|own| ip.is_ipv6() || own.is_ipv4()).map(host).collect(),
        false => vec![host(ip)],
    };
    hosts.truncate(MOST);
    if hosts.is_empty() {
        hosts.push(super::listeners::host_name());
    }
    let page = |host: String| match (scheme, address.port()) {
        ("http", 80) | ("https", 443) => format!("{scheme}://{host}/"),
        (_, port) => format!("{scheme}://{host}:{port}/"),
    };
    hosts.into_iter().map(page).collect()
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    }
}
