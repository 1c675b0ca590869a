//! Who connects to a gateway and is no box, or too many of them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::Sea;
use crate::support::SOON;

fn call(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

#[test]
fn a_stranger_that_says_anything_else_is_sent_away() {
    let sea = Sea::paired(&[], &[]);
    let gateway = sea.gateway.listener("ip");
    for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 300], &[0x16, 0x03, 0x01, 0xff, 0xff]] {
        let mut stream = call(gateway);
        stream.write_all(said).unwrap();
        let mut answer = Vec::new();
        // An alert of TLS, or nothing; the end comes within the ten seconds that a stranger has.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.len() < 64, "{answer:?}");
    }
    sea.send(0);
    sea.wait_taken(0..1);
}

/// A connection from one of many addresses of this machine.
fn connect_from(number: u32, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None)?;
    let from = SocketAddr::from(([127, 1, (number / 200) as u8, 1 + (number % 200) as u8], 0));
    rustix::net::bind(&socket, &from)?;
    rustix::net::connect(&socket, &to)?;
    Ok(socket.into())
}

/// `ip-link.md` section 9, case 17: a thousand strangers that connect and say nothing.
#[test]
fn strangers_that_say_nothing_keep_nobody_out() {
    let sea = Sea::paired(&[], &[]);
    let gateway = sea.gateway.listener("ip");
    let mut silent = Vec::new();
    for number in 0..1000 {
        // Those that are sent away at once may see a reset.
        silent.extend(connect_from(number, gateway));
    }
    sea.line_says("cut");
    sea.send(0);
    sea.wait_taken(0..1);
    drop(silent);
}
