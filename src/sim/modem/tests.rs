//! The modem inside another process, as `satpost demo` uses it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use std::path::Path;

use super::*;

/// A line of its control socket, and the answer.
fn command(socket: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said.trim_end().to_owned()
}

#[test]
fn a_modem_runs_inside_any_process_and_leaves_nothing() {
    let folder = std::env::temp_dir().join(format!("satpost-modem-inside-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let control = folder.join("control");
    let options = Options { start: Start::Running, control: Some(control.clone()), ..Options::new(folder.join("tty")) };
    let handle = start(options).unwrap();
    assert!(std::fs::read_link(handle.port()).unwrap().starts_with("/dev/pts"));
    assert_eq!(command(&control, "down 7 cafe"), "ok");
    let status = command(&control, "status");
    assert!(status.contains("phase running\n") && status.ends_with("\n."), "{status}");
    assert!(command(&control, "dance").starts_with("error "));
    drop(handle);
    std::fs::remove_dir(folder).expect("the folder is empty again");
}

#[test]
fn a_file_in_the_place_of_the_port_is_not_touched() {
    let path = std::env::temp_dir().join(format!("satpost-no-port-{}", std::process::id()));
    std::fs::write(&path, "precious").unwrap();
    let why = start(Options::new(&path)).err().unwrap().to_string();
    assert!(why.contains("choose another --port"), "{why}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_options_of_the_library_are_those_of_the_command_line() {
    let parsed = Options::from_args(&["modem"], &["--port", "/x"]).unwrap();
    assert_eq!(parsed, Options::new("/x"));
    let parsed = Options::from_args(&["modem"], &["--port", "/x", "--pass-every", "0.5", "--device", "6846"]).unwrap();
    assert_eq!(parsed.pass_every, Duration::from_millis(500));
    for wrong in [["--factor", "0"], ["--pass-length", "-1"], ["--firmware", "4"], ["--loss", "101"], ["--start", "x"]]
    {
        assert!(Options::from_args(&["modem"], &[&["--port", "/x"][..], &wrong[..]].concat()).is_err(), "{wrong:?}");
    }
}
