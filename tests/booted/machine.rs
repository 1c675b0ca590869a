//! A Debian that is really booted, in a container of its own: systemd, units, sandbox and sockets as on a box.
//!
//! `tests/run` makes the root in [`ROOT`]; each machine has a layer of its own over it, and a network of its own.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use testing::{Folder, wait_for};

/// What all machines have in common.
pub const ROOT: &str = "/var/cache/satpost-tests/booted";
/// Limit for a boot, and for anything that takes a few restarts.
pub const SOON: Duration = Duration::from_secs(60);

/// Prepares the mounts that systemd-nspawn wants, in a mount namespace of its own, and becomes it.
const BOOT: &str = r#"
set -e
root=$1 at=$2; shift 2
mount -t tmpfs tmpfs "$at"
mkdir "$at/upper" "$at/work" "$at/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$at/upper,workdir=$at/work" "$at/root"
mount -t tmpfs tmpfs /run
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/booted-$$"
echo $$ >"/sys/fs/cgroup/booted-$$/cgroup.procs"
exec systemd-nspawn -q -D "$at/root" --register=no --keep-unit --boot --console=pipe --private-network \
    --capability=all --system-call-filter=bpf "$@"
"#;

/// What stands in for programs that the root does not have; the commands of README.md are run as they are written.
const STAND_INS: [(&str, &str); 3] = [
    (
        "sudo",
        "#!/bin/sh\n[ \"$1\" != -u ] || { shift; user=$1; shift; exec runuser -u \"$user\" -- \"$@\"; }\nexec \"$@\"\n",
    ),
    ("cargo", "#!/bin/sh\n"),
    // A container has no devices of its own, and nobody who looks after them.
    ("udevadm", "#!/bin/sh\n"),
];

/// A machine; it is switched off with its owner.
pub struct Machine {
    folder: Folder,
    nspawn: Child,
    leader: u32,
}

impl Machine {
    /// Boots one. The program of this build and the sources are in it, nothing is installed.
    pub fn boot() -> Self {
        Self::boot_with(&[])
    }

    /// The same with folders of this machine, each at a place there.
    pub fn boot_with(binds: &[(&Path, &str)]) -> Self {
        let root = PathBuf::from(ROOT);
        assert!(root.join("usr/bin").is_dir(), "there is no {ROOT}: tests/run makes it");
        let folder = Folder::new();
        let at = folder.path("machine");
        fs::create_dir(&at).unwrap();
        let log = File::create(folder.path("console")).unwrap();
        let program = format!("--bind-ro={}:/src/target/release/satpost", env!("CARGO_BIN_EXE_satpost"));
        let mut nspawn = Command::new("unshare");
        nspawn
            .args(["-m", "--propagation", "private", "bash", "-c", BOOT, "boot"])
            .args([&root, &at])
            .arg(program)
            .arg(format!("--bind-ro={}:/src/systemd", source("systemd").display()))
            .args(binds.iter().map(|(from, to)| format!("--bind-ro={}:{to}", from.display())))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let nspawn = nspawn.spawn().expect("unshare, which tests/run installs");
        let mut machine = Self { folder, nspawn, leader: 0 };
        machine.leader = wait_for("the machine to begin", SOON, || machine.first_process());
        wait_for("the machine to be up", SOON, || {
            let state = machine.run("systemctl is-system-running").out;
            matches!(state.trim(), "running" | "degraded").then_some(())
        });
        for (name, text) in STAND_INS {
            machine.write(&format!("/usr/local/bin/{name}"), text);
            machine.ok(&format!("chmod 755 /usr/local/bin/{name}"));
        }
        machine
    }

    /// The process 1 of the machine, once systemd runs there.
    fn first_process(&mut self) -> Option<u32> {
        if let Some(ended) = self.nspawn.try_wait().unwrap() {
            panic!(
                "the machine does not boot ({ended}):\n{}",
                fs::read_to_string(self.folder.path("console")).unwrap()
            );
        }
        let nspawn = self.nspawn.id();
        let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
        let leader: u32 = children.split_whitespace().next()?.parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{leader}/comm")).ok()?;
        (name.trim() == "systemd").then_some(leader)
    }

    /// Boots one where satpost is installed as README.md says.
    pub fn with_satpost() -> Self {
        let machine = Self::boot();
        machine.install();
        machine
    }

    /// Installs satpost as README.md says.
    pub fn install(&self) {
        self.ok(&format!("cd /src && set -e\n{}", block("README.md", "systemctl enable --now satpost")));
        self.wait_ok("systemctl is-active satpost");
    }

    /// Its process 1, as this machine sees it.
    pub fn leader(&self) -> u32 {
        self.leader
    }

    /// Runs a command there.
    pub fn run(&self, command: &str) -> Said {
        self.enter("-a", &["sh", "-c", command])
    }

    /// Runs a program of this machine in the network of that one.
    pub fn client(&self, words: &[&str]) -> Said {
        self.enter("-n", words)
    }

    fn enter(&self, namespaces: &str, words: &[&str]) -> Said {
        let mut enter = Command::new("nsenter");
        enter.args(["-t", &self.leader.to_string(), namespaces]).args(words).stdin(Stdio::null());
        Said::of(&enter.output().expect("nsenter, which tests/run installs"))
    }

    /// Runs a command there that has to end well; what it prints.
    #[track_caller]
    pub fn ok(&self, command: &str) -> String {
        let said = self.run(command);
        assert_eq!(said.code, 0, "{command}\n{}{}\n{}", said.out, said.err, self.log());
        said.out
    }

    /// Runs a command there until it ends well; what it prints.
    #[track_caller]
    pub fn wait_ok(&self, command: &str) -> String {
        self.wait(command, |said| (said.code == 0).then_some(said.out))
    }

    /// Runs a command there until what it says is what is looked for.
    #[track_caller]
    pub fn wait<T>(&self, command: &str, look: impl Fn(Said) -> Option<T>) -> T {
        let waited = std::time::Instant::now();
        wait_for(command, SOON, || {
            let found = look(self.run(command));
            assert!(found.is_some() || waited.elapsed() < SOON, "waited for {command}\n{}", self.log());
            found
        })
    }

    /// Writes a file there.
    pub fn write(&self, path: &str, text: &str) {
        let mut child = Command::new("nsenter")
            .args(["-t", &self.leader.to_string(), "-a", "tee", path])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{path}");
    }

    /// The log of the box.
    pub fn log(&self) -> String {
        self.run("journalctl -u satpost --no-pager -o cat | tail -n 60").out
    }

    /// The page, as a browser on the machine gets it: status and body.
    pub fn page(&self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1{path}");
        let said = self.client(&["curl", "-s", "-m", "10", "-w", "\n%{http_code}", &url]);
        let (body, code) = said.out.rsplit_once('\n').unwrap_or_default();
        (code.parse().unwrap_or(0), body.to_owned())
    }

    /// The greeting at a mail port.
    pub fn greeting(&self, port: u16) -> String {
        let words = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && head -n1 <&3");
        self.client(&["timeout", "10", "bash", "-c", &words]).out
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its process 1 takes all others along.
        let _ = self.nspawn.kill();
        if let Ok(leader) = i32::try_from(self.leader)
            && let Some(pid) = rustix::process::Pid::from_raw(leader)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        let _ = self.nspawn.wait();
    }
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// The commands of a paper in whose block this stands, as they are written.
pub fn block(paper: &str, part: &str) -> String {
    let text = fs::read_to_string(source(paper)).unwrap();
    let blocks: Vec<&str> = match paper.ends_with(".html") {
        true => text.split("<pre tabindex=0>").skip(1).filter_map(|rest| rest.split("</pre>").next()).collect(),
        false => text.split("```\n").skip(1).step_by(2).collect(),
    };
    let found = blocks.iter().find(|block| block.contains(part));
    (*found.unwrap_or_else(|| panic!("{paper} has no block with '{part}'"))).to_owned()
}

pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
