//! The simulated gateway of the Iridium network as a program of its own, judged by a server of others.

use std::fs;
use std::path::{Path, PathBuf};

use testing::Guest;

use crate::support::{Folder, Program, SOON, ask, lasting_port, wait_for};

/// Two terminals: the server files by terminal and second, and keeps one of two messages of a second.
const TERMINALS: [&str; 2] = ["300234010753370", "300234010753371"];

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.into_iter().flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

#[test]
#[ignore = "needs the program of the crate sbd, which tests/run installs"]
fn a_server_of_others_takes_its_messages() {
    let folder = Folder::new();
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sbd/bin/sbd");
    assert!(server.exists(), "tests/run installs the server into target/sbd");
    let (address, place) = (format!("127.0.0.1:{}", lasting_port()), folder.path("taken"));
    fs::create_dir(&place).unwrap();
    let log = fs::File::create(folder.path("server.log")).unwrap();
    let server = std::process::Command::new(server)
        .args(["serve", &address, place.to_str().unwrap()])
        .arg(format!("--logfile={}", folder.path("sbd.log").display()))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    let _server = Guest(server.unwrap());
    let control = folder.path("directip.ctl");
    let gateway = ["simulate", "directip", "--terminal", TERMINALS[0], "--terminal", TERMINALS[1], "--unconfirmed"];
    let hook = format!("tcp://{address}");
    let args = [&gateway[..], &["--hook", &hook, "--control", control.to_str().unwrap()]].concat();
    let _gateway = Program::start(&args, &folder.path("directip.log"));
    wait_for("the gateway", SOON, || control.exists().then_some(()));
    for (terminal, data) in TERMINALS.iter().zip(["68656c6c6f", "00ff10"]) {
        assert_eq!(ask(&control, &format!("up {terminal} 12345 {data}")), ["ok"]);
    }
    let taken = wait_for("two messages at the server", SOON, || {
        let files: Vec<_> =
            below(&place).into_iter().filter(|path| path.extension().is_some_and(|it| it == "sbd")).collect();
        (files.len() == 2).then_some(files)
    });
    // It files what it has understood under terminal and date, as it came.
    let filed = |path: &PathBuf| TERMINALS.iter().any(|terminal| path.starts_with(place.join(terminal)));
    assert!(taken.iter().all(filed), "{taken:?}");
    let files: Vec<_> = taken.iter().map(|path| fs::read(path).unwrap()).collect();
    for payload in [&b"\x02\x00\x03\x00\xff\x10"[..], b"\x02\x00\x05hello"] {
        let holds = |file: &&Vec<u8>| file.windows(payload.len()).any(|piece| piece == payload);
        assert_eq!(files.iter().filter(holds).count(), 1, "{payload:?}: {files:?}");
    }
}
