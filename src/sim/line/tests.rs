use std::time::Instant;

use super::*;

/// A line to a far side that sends back what it gets.
fn line() -> (Handle, JoinHandle<()>) {
    let echo = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = echo.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = echo.accept().unwrap();
        let mut piece = [0; 512];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            if stream.write_all(&piece[..count]).is_err() {
                return;
            }
        }
    });
    let options = Options { listen: ([127, 0, 0, 1], 0).into(), to, delay: Duration::ZERO, rate: 0 };
    (start(options).unwrap(), thread)
}

fn call(line: &Handle) -> TcpStream {
    let stream = TcpStream::connect(line.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn echo(stream: &mut TcpStream, said: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(said)?;
    let mut heard = vec![0; said.len()];
    stream.read_exact(&mut heard)?;
    Ok(heard)
}

#[test]
fn bytes_go_through_and_are_counted_and_take_their_time() {
    let (line, thread) = line();
    let mut stream = call(&line);
    assert_eq!(echo(&mut stream, b"hello").unwrap(), b"hello");
    line.tell("delay 100").unwrap();
    line.tell("rate 80000").unwrap();
    let began = Instant::now();
    assert_eq!(echo(&mut stream, &[7; 2000]).unwrap(), [7; 2000]);
    // 100 ms each way, and 2000 bytes at 10 kB in a second.
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    // What is written is counted a moment after it.
    while line.counts().down < 2005 && began.elapsed().as_secs() < 20 {
        std::thread::yield_now();
    }
    let counts = line.counts();
    assert_eq!((counts.connections, counts.up, counts.down), (1, 2005, 2005));
    drop(stream);
    thread.join().unwrap();
}

#[test]
fn a_cut_comes_behind_the_byte_that_was_asked_for() {
    for at in [0, 1, 3] {
        let (line, thread) = line();
        let mut stream = call(&line);
        echo(&mut stream, b"x").unwrap();
        line.tell(&format!("cut-after up {at}")).unwrap();
        assert!(echo(&mut stream, b"hello").is_err());
        assert_eq!(line.counts().up, 1 + at);
        thread.join().unwrap();
    }
}

#[test]
fn a_stall_holds_and_lets_go() {
    let (line, thread) = line();
    let mut stream = call(&line);
    line.tell("stall down").unwrap();
    stream.write_all(b"hello").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(stream.read(&mut [0; 8]).is_err());
    line.tell("clear").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut heard = [0; 5];
    stream.read_exact(&mut heard).unwrap();
    line.tell("cut").unwrap();
    assert!(matches!(stream.read(&mut [0; 8]), Ok(0) | Err(_)));
    thread.join().unwrap();
}

#[test]
fn a_portal_says_the_same_to_everybody() {
    let (line, thread) = line();
    line.tell("portal").unwrap();
    let mut stream = call(&line);
    stream.write_all(b"anything").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 302"), "{page}");
    line.tell("clear").unwrap();
    line.tell("refuse").unwrap();
    assert!(!matches!(call(&line).read(&mut [0; 8]), Ok(1..)));
    line.tell("clear").unwrap();
    echo(&mut call(&line), b"x").unwrap();
    thread.join().unwrap();
}

#[test]
fn what_is_no_command_is_said() {
    let (line, thread) = line();
    for wrong in ["", "delay", "delay x", "cut-after 5", "cut-after both 5", "to nowhere", "stall sideways"] {
        assert!(line.tell(wrong).is_err(), "{wrong}");
    }
    drop(call(&line));
    thread.join().unwrap();
}
