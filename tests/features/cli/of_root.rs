//! Root gives commands for a box whose folder belongs to somebody else.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use testing::Guest;

use crate::support::command::Said;
use crate::support::{Folder, SATPOST, SOON, Station, wait_for};

/// Whose the folder of the box is.
const NOBODY: u32 = 65_534;

/// The folder of a box, which belongs to somebody else.
fn given_away(folder: &Folder) -> PathBuf {
    assert!(rustix::process::geteuid().is_root(), "only root can give a folder away");
    let data = folder.path("box");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    data
}

#[test]
#[ignore = "needs root, to give a folder away"]
fn root_leaves_the_files_of_a_box_to_its_user() {
    let folder = Folder::new();
    let data = given_away(&folder);
    let post = Station::new(&folder, "box", &[("box.domain", "boat.example")], &["anna"]);
    post.said_with(&["send", "ben@x.org"], "hello").ok();
    let file = folder.path("a.backup");
    post.said(&["backup", file.to_str().unwrap()]).ok();
    post.said(&["restore", file.to_str().unwrap(), "--replace"]).ok();
    post.said(&["people", "remove", "zoe"]).fails(3);
    let mut seen = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        assert_eq!(entry.as_ref().unwrap().metadata().unwrap().uid(), NOBODY, "{entry:?}");
        seen += 1;
    }
    assert!(seen >= 3);
    assert_eq!(std::fs::metadata(file).unwrap().uid(), 0);
}

/// Held up by the lock of the store, a command for a box of somebody else hears what ends it, and says so by its code.
#[test]
#[ignore = "needs root, to give a folder away"]
fn a_command_of_root_for_a_box_of_somebody_else_ends_by_a_signal() {
    let folder = Folder::new();
    let data = given_away(&folder);
    let post = Station::new(&folder, "box", &[], &["anna"]);
    let store = std::fs::File::open(post.folder.join("satpost.redb")).unwrap();
    flock(&store, FlockOperation::LockExclusive).unwrap();
    // A terminal tells all its processes of Ctrl-C; systemd and `kill` tell the one that they know.
    for (signal, all) in [(Signal::INT, true), (Signal::TERM, false)] {
        let mut command = Command::new(SATPOST);
        command.args(["people", "list", "--data", data.to_str().unwrap()]).stdin(Stdio::null());
        let command = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&command);
        wait_for("the process of the owner", SOON, || {
            let of = format!("/proc/{0}/task/{0}/children", pid.as_raw_nonzero());
            let child = std::fs::read_to_string(of).ok()?.split_whitespace().next()?.to_owned();
            let environment = std::fs::read(format!("/proc/{child}/environ")).ok()?;
            String::from_utf8_lossy(&environment).contains("SATPOST_AS_OWNER=").then_some(())
        });
        if all { kill_process_group(pid, signal) } else { kill_process(pid, signal) }.unwrap();
        let said = Said::from(command.wait_with_output().unwrap());
        assert!(said.code == 130 && said.err.contains("satpost: interrupted"), "{signal:?}: {said:?}");
    }
}

/// The box sees that somebody else's program has the port of its modem, and not which: root's look names it.
#[test]
#[ignore = "needs root, to give a folder away, and flock"]
fn root_check_names_the_holder_of_the_port_of_a_modem() {
    let folder = Folder::new();
    let data = given_away(&folder);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let port = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    std::fs::set_permissions(&port, std::fs::Permissions::from_mode(0o666)).unwrap();
    let holder = Command::new("flock").args(["--no-fork", &port, "sleep", "600"]).stdin(Stdio::null()).spawn().unwrap();
    let holder = Guest(holder);
    let name = || std::fs::read_to_string(format!("/proc/{}/comm", holder.0.id())).unwrap();
    wait_for("the port to be held", SOON, || (name().trim() == "sleep").then_some(()));
    let settings =
        [("box.domain", "boat.example"), ("box.reach", "satellite"), ("link.driver", "m138"), ("m138.port", &port)];
    let post = Station::new(&folder, "box", &settings, &["anna"]);
    let mut run = Command::new(SATPOST);
    run.args(["run", "--data", data.to_str().unwrap()]).uid(NOBODY).gid(NOBODY);
    let _box = Guest(run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_for("the box to say it", SOON, || {
        let status = post.said(&["status"]);
        status.out.contains("held by another program: 'sudo fuser -v ").then_some(())
    });
    let check = post.said(&["check"]);
    let named = format!("held by sleep (pid {}): stop that program", holder.0.id());
    assert!(check.code != 0 && check.out.contains(&named), "{check:?}");
}
