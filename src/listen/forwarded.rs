//! Who a request comes from: its peer, or whoever a trusted web server in front names; and whether their browser speaks HTTPS,
//! and under which path it sees the pages. Pure.

use std::net::IpAddr;

use super::http_head::{Answer, Origin, Request, host_name};

/// Finds out where a request comes from, and takes the base path off its target. What it says of itself counts only from a
/// web server in front (`is_front`), and of a chain of those only what the last one that is not trusted said.
///
/// # Errors
/// The answer when a server in front says what cannot be.
pub fn origin(
    request: &mut Request,
    peer: IpAddr,
    tls: bool,
    base: &str,
    is_front: impl Fn(IpAddr) -> bool,
) -> Result<Origin, Answer> {
    let mut origin = Origin::direct(peer, tls);
    let under = under(&request.target, base);
    let behind = is_front(peer) && request.fields().any(|(name, _)| name.starts_with("x-forwarded-"));
    if behind {
        origin.client = client(request, peer, is_front)?;
        origin.secure = last(request, "x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        origin.host = last(request, "x-forwarded-host").map(str::to_owned);
    }
    if let Some(host) = &origin.host {
        request.host = host_name(host).ok_or_else(|| bad("X-Forwarded-Host"))?;
    }
    if !base.is_empty() && (behind || under.is_some()) {
        base.clone_into(&mut origin.base);
    }
    if let Some(target) = under {
        request.target = target;
    }
    Ok(origin)
}

/// The target behind the base path; `None` when it does not stand under it.
fn under(target: &str, base: &str) -> Option<String> {
    let rest = target.strip_prefix(base).filter(|_| !base.is_empty())?;
    match rest.chars().next() {
        None => Some("/".to_owned()),
        Some('?') => Some(format!("/{rest}")),
        Some('/') => Some(rest.to_owned()),
        Some(_) => None,
    }
}

/// The last address in X-Forwarded-For that is no server in front: what stands before it anybody can write.
fn client(request: &Request, peer: IpAddr, is_front: impl Fn(IpAddr) -> bool) -> Result<IpAddr, Answer> {
    let all: Vec<_> = values(request, "x-forwarded-for").collect();
    let mut client = peer;
    for text in all.into_iter().rev() {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        client = bare.parse::<IpAddr>().map_err(|_| bad("X-Forwarded-For"))?.to_canonical();
        if !is_front(client) {
            break;
        }
    }
    Ok(client)
}

fn values<'a>(request: &'a Request, name: &'static str) -> impl DoubleEndedIterator<Item = &'a str> {
    let fields: Vec<_> = request.fields().filter(|(known, _)| known == name).map(|(_, value)| value).collect();
    fields.into_iter().flat_map(|value| value.split(',')).map(str::trim).filter(|value| !value.is_empty())
}

fn last<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    values(request, name).next_back()
}

fn bad(field: &str) -> Answer {
    Answer::new("400 Bad Request", format!("the web server in front says in {field} what cannot be"))
}

#[cfg(test)]
mod tests {
    use super::super::http_head;
    use super::*;

    fn asked(peer: &str, base: &str, head: &str) -> Result<(String, String, Origin), Answer> {
        let text = format!("GET {head}\r\n\r\n");
        let (mut request, _) = http_head::read(text.as_bytes())?.unwrap();
        let front = |ip: IpAddr| ["10.0.0.1", "10.0.0.2"].iter().any(|known| known.parse::<IpAddr>() == Ok(ip));
        let origin = origin(&mut request, peer.parse().unwrap(), false, base, front)?;
        Ok((request.target.clone(), request.host.clone(), origin))
    }

    #[test]
    fn only_a_server_in_front_speaks_for_others() {
        let head = "/post/a?b HTTP/1.1\r\nHost: box\r\nX-Forwarded-For: 1.1.1.1, 9.9.9.9, 10.0.0.2\r\n\
                    X-Forwarded-Proto: https\r\nX-Forwarded-Host: boat.example:8443";
        let (target, host, origin) = asked("10.0.0.1", "/post", head).unwrap();
        assert_eq!((target.as_str(), host.as_str()), ("/a?b", "boat.example"));
        assert_eq!((origin.client, origin.secure, origin.base.as_str()), ("9.9.9.9".parse().unwrap(), true, "/post"));
        assert_eq!(origin.host.as_deref(), Some("boat.example:8443"));
        let (_, host, origin) = asked("192.168.1.7", "", head).unwrap();
        assert_eq!((host.as_str(), origin), ("box", Origin::direct("192.168.1.7".parse().unwrap(), false)));
        // A server in front that names nobody is a client like others.
        let (_, _, origin) = asked("10.0.0.1", "/post", "/a HTTP/1.1\r\nHost: box").unwrap();
        assert_eq!(origin, Origin::direct("10.0.0.1".parse().unwrap(), false));
        for odd in ["X-Forwarded-For: nobody", "X-Forwarded-For: 1.1.1.1:80", "X-Forwarded-Host: a b"] {
            assert!(asked("10.0.0.1", "", &format!("/ HTTP/1.1\r\nHost: box\r\n{odd}")).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_base_path_is_whole_parts_of_the_path() {
        for (target, inner) in
            [("/post", "/"), ("/post/", "/"), ("/post?x", "/?x"), ("/post/a/b", "/a/b"), ("/post//x", "//x")]
        {
            assert_eq!(under(target, "/post").as_deref(), Some(inner), "{target}");
        }
        for target in ["/poster", "/", "/a/post", "/Post"] {
            assert_eq!(under(target, "/post"), None, "{target}");
        }
        assert_eq!(under("/a", ""), None);
    }
}
