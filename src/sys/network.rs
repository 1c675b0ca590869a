//! The networks that this machine is in, as the kernel lists them.

use std::net::{IpAddr, Ipv6Addr};

/// What the kernel lists of IPv6: address, index, length of the prefix, scope, flags and name of the interface.
const ADDRESSES: &str = "/proc/net/if_inet6";
/// Shortest prefix that is believed to be one network, and not the way to all of them.
const SHORTEST: u32 = 48;

/// True when an IPv6 address is in a network that an interface of this machine has an address in. Reads a small file.
///
/// Only IPv6: there, machines of one household have addresses that the whole world could reach.
pub fn is_attached(ip: IpAddr) -> bool {
    let IpAddr::V6(ip) = ip.to_canonical() else { return false };
    std::fs::read_to_string(ADDRESSES).is_ok_and(|list| list.lines().any(|line| has(line, ip)))
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
const ROUTES: (&str, &str) = ("/proc/net/route", "/proc/net/ipv6_route");

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
