//! The networks that this machine is in, as the kernel lists them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the kernel lists of IPv6: address, index, length of the prefix, scope, flags and name of the interface.
/// A sandboxed service sees processes in /proc and nothing else: this one is below its own.
const ADDRESSES: &str = "/proc/self/net/if_inet6";
/// What the kernel lists of IPv4: its routes, with those to itself.
const OWN_ROUTES: &str = "/proc/self/net/fib_trie";
/// Shortest prefix that is believed to be one network, and not the way to all of them.
const SHORTEST: u32 = 48;

/// True when an address that the whole world could have is in a network of this machine: an IPv6 address in one that an
/// interface has an address in, or a shared IPv4 address where this machine has one as well. Reads a small file.
///
/// With IPv6, machines of one household have addresses that the whole world could reach. The shared addresses of RFC 6598
/// are those behind a provider's own translation, and those of private networks laid over others (Tailscale).
pub fn is_attached(ip: IpAddr) -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_shared(ip) && shares(&read(OWN_ROUTES)),
        IpAddr::V6(ip) => read(ADDRESSES).lines().any(|line| has(line, ip)),
    }
}

/// True for an address in 100.64.0.0/10 (RFC 6598).
fn is_shared(ip: Ipv4Addr) -> bool {
    let [first, second, ..] = ip.octets();
    first == 100 && second & 0xc0 == 64
}

/// True when the kernel's table of routes has a shared address of this machine.
fn shares(table: &str) -> bool {
    own_v4(table).into_iter().any(is_shared)
}

/// The addresses by which other machines reach this one, IPv4 first; without those that change by themselves. Reads two small
/// files.
pub fn addresses() -> Vec<IpAddr> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let own = own_v4(&read(OWN_ROUTES)).into_iter().map(IpAddr::V4);
    own.chain(read(ADDRESSES).lines().filter_map(lasting).map(IpAddr::V6)).collect()
}

/// The addresses of this machine in the kernel's table of routes: a line `|-- address`, and `/32 host LOCAL` below it.
fn own_v4(table: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in table.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(own) = last.filter(|own| !own.is_loopback() && !found.contains(own))
        {
            found.push(own);
        }
    }
    found
}

/// The address of a line of [`ADDRESSES`] if it is one for the whole network (scope 0) and neither temporary (flag 1) nor out
/// of date (flag 0x20).
fn lasting(line: &str) -> Option<Ipv6Addr> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [own, _, _, "00", flags, _] = fields.as_slice() else { return None };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let own = u128::from_str_radix(own, 16).ok().filter(|_| own.len() == 32)?;
    (flags & 0x21 == 0).then(|| Ipv6Addr::from_bits(own))
}

/// True when an address is in the network of a line.
fn has(line: &str, ip: Ipv6Addr) -> bool {
    let mut fields = line.split_whitespace();
    let own = fields.next().filter(|own| own.len() == 32).and_then(|own| u128::from_str_radix(own, 16).ok());
    let length = fields.nth(1).and_then(|length| u32::from_str_radix(length, 16).ok());
    let (Some(own), Some(length @ SHORTEST..=128)) = (own, length) else { return false };
    (own ^ ip.to_bits()) >> (128 - length).min(127) == 0
}

/// Routes of IPv4 and of IPv6, as the kernel lists them.
const ROUTES: (&str, &str) = ("/proc/self/net/route", "/proc/self/net/ipv6_route");

/// Names the network that this machine goes out by: interface and gateway of each default route; empty without one.
/// Reads two small files. Only good for telling one network from another.
pub fn way_out() -> String {
    let list = |path| std::fs::read_to_string(path).unwrap_or_default();
    default_routes(&list(ROUTES.0), &list(ROUTES.1))
}

fn default_routes(v4: &str, v6: &str) -> String {
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let none = |text: &str| text.bytes().all(|byte| byte == b'0');
    let v4 = v4.lines().skip(1).map(fields).filter_map(|line| match &line[..] {
        [interface, to, gateway, ..] if none(to) => Some(format!("{interface} {gateway}")),
        _ => None,
    });
    let v6 = v6.lines().map(fields).filter_map(|line| match &line[..] {
        [to, length, _, _, gateway, .., interface] if none(to) && none(length) && interface != "lo" => {
            Some(format!("{interface} {gateway}"))
        }
        _ => None,
    });
    v4.chain(v6).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_read_from_the_tables_of_the_kernel() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\nLocal:\n  +-- 127.0.0.0/8\n     \
                     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.168.4.0\n        /24 link UNICAST\n     |-- 192.168.4.1\n        \
                     /32 host LOCAL\n     |-- 192.168.4.255\n        /32 link BROADCAST\n     |-- 192.168.4.1\n        /32 host LOCAL\n";
        assert_eq!(own_v4(table), [Ipv4Addr::new(192, 168, 4, 1)]);
        assert!(own_v4("|-- x\n/32 host LOCAL").is_empty());
        let own = "20010db8000100000000000000000001 02 40 00 80 eth0";
        assert_eq!(lasting(own), Some("2001:db8:1::1".parse().unwrap()));
        for other in [&own.replace(" 00 80", " 00 01"), &own.replace(" 00 80", " 20 80"), "", "1 2 3 00 80 x"] {
            assert_eq!(lasting(other), None, "{other}");
        }
    }

    #[test]
    fn shared_addresses_are_near_where_this_machine_has_one() {
        for (ip, shared) in [
            ("100.64.0.0", true),
            ("100.127.255.255", true),
            ("100.63.255.255", false),
            ("100.128.0.1", false),
            ("10.64.0.1", false),
        ] {
            assert_eq!(is_shared(ip.parse().unwrap()), shared, "{ip}");
        }
        assert!(shares("  |-- 192.168.4.1\n     /32 host LOCAL\n  |-- 100.101.102.103\n     /32 host LOCAL\n"));
        // The network alone is that of somebody else, behind this machine's way out.
        assert!(!shares("  |-- 100.64.0.0\n     /10 link UNICAST\n  |-- 192.168.4.1\n     /32 host LOCAL\n"));
        assert!(!is_attached("8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn a_line_of_the_kernel_names_a_network() {
        let line = "20010db8000100000000000000000001 02 40 00 80     eth0";
        for (ip, inside) in [
            ("2001:db8:1::2", true),
            ("2001:db8:1:0:ffff::1", true),
            ("2001:db8:1:1::2", false),
            ("2001:db9:1::2", false),
            ("::1", false),
        ] {
            assert_eq!(has(line, ip.parse().unwrap()), inside, "{ip}");
        }
        let own = "20010db8000100000000000000000001 02 80 00 80     eth0";
        assert!(has(own, "2001:db8:1::1".parse().unwrap()) && !has(own, "2001:db8:1::3".parse().unwrap()));
        for odd in ["", "x", "20010db8000100000000000000000001 02 00 00 80 ppp0", "20010db8 02 40 00 80 eth0"] {
            assert!(!has(odd, "2001:db8:1::2".parse().unwrap()), "{odd}");
        }
        assert!(!is_attached("8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn the_way_out_is_that_of_the_default_routes() {
        let v4 =
            "Iface\tDestination\tGateway\tFlags\nwlan0\t00000000\t0102A8C0\t0003\nwlan0\t0002A8C0\t00000000\t0001\n";
        let zero = "00000000000000000000000000000000";
        let v6 = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 3 eth0\n{zero} 00 {zero} 00 {zero} ffffffff 1 0 200200 lo\n"
        );
        assert_eq!(default_routes(v4, &v6), "wlan0 0102A8C0, eth0 fe800000000000000000000000000001");
        assert_eq!(default_routes("Iface\n", ""), "");
        assert_eq!(default_routes("", "x"), "");
    }
}
