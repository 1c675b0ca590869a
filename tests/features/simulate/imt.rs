//! The simulated RockBLOCK 9704 as a program of its own, judged by the seller's own library.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Folder, Program, SOON, ask, wait_for};

/// A simulated modem that has started.
fn modem(folder: &Folder, more: &[&str]) -> Program {
    let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let (port, control) = (path("tty"), path("imt.ctl"));
    let fixed = ["simulate", "imt", "--port", &port, "--control", &control, "--factor", "40"];
    let args: Vec<&str> = fixed.iter().chain(more).copied().collect();
    let log = folder.path("imt.log");
    let program = Program::start(&args, &log);
    wait_for("the simulated modem", SOON, || fs::read_to_string(&log).ok().filter(|text| text.contains("imt 3002")));
    wait_for("the modem to have started", SOON, || {
        ask(&folder.path("imt.ctl"), "show").contains(&"on yes".to_owned()).then_some(())
    });
    program
}

/// Runs a script of the library against the modem; what it printed.
fn judge(folder: &Folder, script: &str) -> String {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rockblock9704");
    assert!(library.join("rockblock9704").exists(), "tests/run installs the library into target/rockblock9704");
    let start = format!(
        "import time\nfrom rockblock9704 import RockBlock9704\nrb = RockBlock9704()\nassert rb.begin({:?})\n",
        folder.path("tty")
    );
    let output = Command::new("timeout")
        .env("PYTHONPATH", &library)
        .args(["60", "python3", "-c", &(start + script)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs python3 and the seller's library for the RockBLOCK 9704, which tests/run installs"]
fn the_sellers_library_works_with_it_both_ways() {
    let folder = Folder::new();
    let _modem = modem(&folder, &[]);
    let control = folder.path("imt.ctl");
    let said = judge(
        &folder,
        "print(rb.get_hardware_version(), rb.get_serial_number(), rb.get_imei(), rb.get_iccid())\n\
         print(rb.get_card_present(), rb.get_sim_connected(), rb.get_board_temp(), rb.get_signal())\n\
         print(rb.send_message(b'Arrived, all well'))\n\
         print(rb.send_message(bytes(i % 256 for i in range(4000))))\n\
         print(rb.send_message(bytes([0])))\n\
         print(rb.send_message(bytes(i % 251 for i in range(100000)), timeout=50))\n",
    );
    let expected = "0x0601 970401 300258060000000 8988169771000000001\nTrue True 21 4\nTrue\nTrue\nTrue\nTrue\n";
    assert_eq!(said, expected);
    let journal = ask(&control, "journal");
    assert_eq!(journal.len(), 4, "{journal:?}");
    assert!(journal.iter().all(|line| line.contains("\"end\":\"mo_ack_received\"")), "{journal:?}");
    assert!(journal[0].contains("\"up\":\"417272697665642c20616c6c2077656c6c\""), "{}", journal[0]);
    assert!(journal[2].contains("\"up\":\"00\""), "{}", journal[2]);
    assert!(ask(&control, "show").contains(&"billed 104018".to_owned()));
    // The modem keeps nothing: they come when the library listens.
    let ready = folder.path("ready");
    let sender = std::thread::spawn({
        let (ready, control) = (ready.clone(), control.clone());
        move || {
            wait_for("the library", SOON, || ready.exists().then_some(()));
            assert_eq!(ask(&control, "down 244 68656c6c6f20776f726c6421"), ["ok"]);
        }
    });
    let said = judge(
        &folder,
        &(format!("open({ready:?}, 'w').close()\n")
            + "got = []\n\
         end = time.time() + 20\n\
         while len(got) < 1 and time.time() < end:\n    \
             message = rb.receive_message()\n    \
             if message: got.append(message)\n\
         print(got[0])\n"),
    );
    sender.join().unwrap();
    assert_eq!(said, "b'hello world!'\n");
}

/// The library has room for 1447 characters of base64 in a segment that comes down (`JSPR_MAX_SEGMENT_LENGTH`), which are 1083
/// bytes: of longer ones it spoils the rest, whoever sends them. In smaller ones a long message comes whole.
#[test]
#[ignore = "needs python3 and the seller's library for the RockBLOCK 9704, which tests/run installs"]
fn a_long_message_comes_down_whole_in_segments_that_the_library_has_room_for() {
    let folder = Folder::new();
    let _modem = modem(&folder, &[]);
    let control = folder.path("imt.ctl");
    assert_eq!(ask(&control, "segment 1083"), ["ok"]);
    let ready = folder.path("ready");
    let sender = std::thread::spawn({
        let (ready, control) = (ready.clone(), control.clone());
        move || {
            let data: String = (0..3072).map(|at| format!("{:02x}", at % 251)).collect();
            wait_for("the library", SOON, || ready.exists().then_some(()));
            assert_eq!(ask(&control, &format!("down 244 {data}")), ["ok"]);
        }
    });
    let said = judge(
        &folder,
        &(format!("open({ready:?}, 'w').close()\n")
            + "got = None\n\
         end = time.time() + 20\n\
         while not got and time.time() < end: got = rb.receive_message()\n\
         print(got == bytes(i % 251 for i in range(3072)))\n"),
    );
    sender.join().unwrap();
    assert_eq!(said, "True\n");
}

#[test]
#[ignore = "needs python3 and the seller's library for the RockBLOCK 9704, which tests/run installs"]
fn messages_fail_as_they_are_told_to() {
    let folder = Folder::new();
    let _modem = modem(&folder, &[]);
    let control = folder.path("imt.ctl");
    for command in ["final network_error", "final message_cancelled_pre_transit"] {
        assert_eq!(ask(&control, command), ["ok"]);
    }
    for _ in 0..2 {
        assert_eq!(judge(&folder, "print(rb.send_message(b'once more'))\n"), "False\n");
    }
    let show = ask(&control, "show");
    assert!(show.contains(&"billed 9".to_owned()), "the one that was never on air is not charged: {show:?}");
}
