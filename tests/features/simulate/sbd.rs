//! The simulated SBD modem as a program of its own, judged by somebody else's library for RockBLOCK modems.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Folder, Program, SOON, ask, wait_for};

/// A simulated modem that has started.
fn modem(folder: &Folder, more: &[&str]) -> Program {
    let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let (port, control) = (path("tty"), path("sbd.ctl"));
    let fixed = ["simulate", "sbd", "--port", &port, "--control", &control, "--factor", "40"];
    let args: Vec<&str> = fixed.iter().chain(more).copied().collect();
    let log = folder.path("sbd.log");
    let program = Program::start(&args, &log);
    wait_for("the simulated modem", SOON, || fs::read_to_string(&log).ok().filter(|text| text.contains("sbd 3002")));
    program
}

/// Runs a script of the library against the modem; what it printed.
fn judge(folder: &Folder, script: &str) -> String {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rockblock");
    assert!(library.join("adafruit_rockblock.py").exists(), "tests/run installs the library into target/rockblock");
    // The library imports two modules of its usual platform, which a computer does not have.
    let start = format!(
        "import sys, types\nfor name in ('digitalio', 'busio'): sys.modules[name] = types.ModuleType(name)\n\
         sys.modules['busio'].UART = object\nimport serial\nfrom adafruit_rockblock import RockBlock\n\
         rb = RockBlock(serial.Serial({:?}, 19200, timeout=5))\n",
        folder.path("tty")
    );
    let output = Command::new("python3")
        .env("PYTHONPATH", &library)
        .args(["-c", &(start + script)])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
#[ignore = "needs python3 and a library for RockBLOCK modems, which tests/run installs"]
fn a_library_for_rockblock_modems_works_with_it() {
    let folder = Folder::new();
    let _modem = modem(&folder, &[]);
    let control = folder.path("sbd.ctl");
    wait_for("the modem to take commands", SOON, || {
        ask(&control, "show").contains(&"mode command".to_owned()).then_some(())
    });
    // What waits is not announced to a modem that the network does not know, so its status is the same at any moment.
    assert_eq!(ask(&control, "known off"), ["ok"]);
    assert_eq!(ask(&control, "down 5965732c20676f"), ["ok"]);
    let said = judge(
        &folder,
        "print(rb.serial_number, rb.model, rb.signal_quality, rb.ring_alert, rb.revision[0])\n\
         print(rb.status)\n\
         rb.data_out = bytes([0, 255, 65, 66])\n\
         print(rb.status)\n\
         print(rb.satellite_transfer())\n\
         print(rb.status)\n\
         print(rb.data_in, rb.text_in)\n\
         rb.data_in = None\n\
         print(rb.status)\n\
         rb.text_out = 'Hello, world'\n\
         print(rb.satellite_transfer('5212.483,-00007.350'))\n\
         rb.text_out = 'around'\n\
         rb._transfer_buffer()\n\
         print(rb.text_in)\n\
         print(rb.ring_indication[1], rb.geolocation[0], rb.system_time is not None)\n",
    );
    let expected = "300234010753370 IRIDIUM 9600 Family SBD Transceiver 4 True Call Processor Version: TA16005\n\
        (0, 0, 0, -1, 0, 0)\n\
        (1, 0, 0, -1, 0, 0)\n\
        (0, 0, 1, 1, 7, 0)\n\
        (0, 1, 1, 1, 0, 0)\n\
        b'Yes, go' Yes, go\n\
        (0, 1, 0, -1, 0, 0)\n\
        (0, 1, 0, 0, 0, 0)\n\
        around\n\
        0 3804 True\n";
    assert_eq!(said, expected);
    let journal = ask(&control, "journal");
    assert_eq!(journal.len(), 2, "{journal:?}");
    assert!(journal[0].contains("\"mo\":\"00ff4142\"") && journal[1].contains("\"mo\":\"48656c6c6f"), "{journal:?}");
}

#[test]
#[ignore = "needs python3 and a library for RockBLOCK modems, which tests/run installs"]
fn sessions_fail_as_they_are_told_to() {
    let folder = Folder::new();
    let _modem = modem(&folder, &["--session", "400"]);
    let control = folder.path("sbd.ctl");
    wait_for("the modem to take commands", SOON, || {
        ask(&control, "show").contains(&"mode command".to_owned()).then_some(())
    });
    for command in ["status 32", "status 38", "falsefail 1"] {
        assert_eq!(ask(&control, command), ["ok"]);
    }
    let said = judge(
        &folder,
        "rb.data_out = b'once'\n\
         for turn in range(4): print(rb.satellite_transfer()[:2], rb.status[0])\n",
    );
    assert_eq!(said, "(32, 0) 1\n(38, 0) 1\n(18, 0) 1\n(0, 0) 0\n");
    assert_eq!(ask(&control, "bars 0"), ["ok"]);
    assert_eq!(judge(&folder, "print(rb.satellite_transfer()[0], rb.signal_quality)\n"), "32 0\n");
}
