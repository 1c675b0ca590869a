//! The container: built by its recipe and started as the help says, in the real podman.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testing::{Folder, wait_for};

use crate::machine::{ROOT, SOON, Said, block, source};

/// Mounts and processes of their own, with one tree of control groups and nothing else in it: crun refuses a machine that has
/// both kinds. It ends with its standard input, and containers and mounts with it: also where the test is killed. Bash takes
/// leave of processes that nobody waits for.
const NAMESPACE: &str = "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && echo there && read -r _";
/// What a machine may lack on which tests run: raising limits, control groups, and a way to a registry.
const BUILD: [&str; 4] = ["--isolation=chroot", "--pull-never", "--build-arg", "BASE=localhost/base"];
const RUN: [&str; 4] =
    ["--cgroups=disabled", "--network=none", "--ulimit=nofile=1024:4096", "--ulimit=nproc=1024:1024"];

/// What stands in for the compiler in the image that builds.
const CARGO: &str = "#!/bin/sh\nset -e\ntest -e src/main.rs && test -d src/compact && test -d web && test -d tests/support\n\
                     mkdir -p target/release\ncp /usr/local/share/satpost target/release/satpost\n";

/// Podman with images and containers of its own.
struct Podman {
    folder: Folder,
    namespace: Child,
    /// The first process in it.
    holder: String,
}

impl Podman {
    fn new() -> Self {
        let folder = Folder::new();
        let mut namespace = Command::new("unshare")
            .args([
                "-m",
                "-p",
                "-f",
                "--kill-child",
                "--mount-proc",
                "--propagation",
                "private",
                "bash",
                "-c",
                NAMESPACE,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare, which tests/run installs");
        let mut there = [0; 6];
        std::io::Read::read_exact(namespace.stdout.as_mut().expect("it is piped"), &mut there).unwrap();
        let id = namespace.id();
        let holder = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap().trim().to_owned();
        Self { folder, namespace, holder }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut podman = Command::new("nsenter");
        podman.args(["-t", &self.holder, "-m", "-p"]).arg(format!("--wd={}", source("").display()));
        podman.args(["podman", "--storage-driver=overlay"]);
        for (name, part) in [("root", "store"), ("runroot", "run"), ("tmpdir", "tmp")] {
            podman.arg(format!("--{name}={}", self.folder.path(part).display()));
        }
        podman.args(["--cgroup-manager=cgroupfs", "--events-backend=file", "--log-level=fatal"]).args(words);
        podman.stdin(Stdio::null());
        podman
    }

    fn run(&self, words: &[&str]) -> Said {
        Said::of(&self.command(words).output().expect("podman, which tests/run installs"))
    }

    #[track_caller]
    fn ok(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "podman {words:?}: {}{}", said.out, said.err);
        said.out
    }

    /// A line of the help, with what this machine needs behind its first two words.
    #[track_caller]
    fn as_written(&self, line: &str, more: &[&str]) -> String {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words.remove(0), "podman", "{line}");
        words.splice(1..1, more.iter().copied());
        self.ok(&words)
    }

    /// An image of a folder.
    fn import(&self, from: &Path, name: &str) {
        let mut tar = Command::new("tar")
            .args(["-C", from.to_str().unwrap(), "--one-file-system", "-c", "."])
            .stdout(Stdio::piped())
            .spawn()
            .expect("tar");
        let imported = self.command(&["import", "-q", "-", name]).stdin(tar.stdout.take().unwrap()).output().unwrap();
        assert!(tar.wait().unwrap().success() && imported.status.success(), "{imported:?}");
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.command(&["rm", "-f", "-t", "0", "-a"]).output();
        drop(self.namespace.stdin.take());
        let _ = self.namespace.wait();
    }
}

/// The image in which the program is compiled: the program is there already.
fn image_that_builds(podman: &Podman) {
    let at = podman.folder.path("built");
    let put = |path: &str| -> PathBuf {
        let path = at.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let program = put("usr/local/share/satpost");
    let stripped = Command::new("strip").arg("-o").arg(&program).arg(env!("CARGO_BIN_EXE_satpost")).output().unwrap();
    assert!(stripped.status.success(), "{stripped:?}");
    let cargo = put("usr/local/bin/cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let mut recipe = fs::File::create(at.join("Containerfile")).unwrap();
    writeln!(recipe, "FROM localhost/base\nCOPY usr /usr").unwrap();
    let at = at.to_str().unwrap();
    podman.ok(&[&["build", "-q"], &BUILD[..2], &["-t", "localhost/built", at]].concat());
}

#[test]
#[ignore = "needs root, podman, and the root that tests/run makes"]
fn root_a_container_is_built_by_its_recipe_and_says_how_it_is() {
    let podman = Podman::new();
    podman.import(Path::new(ROOT), "localhost/base");
    image_that_builds(&podman);
    let lines = block("web/help/container.html", "podman build");
    let [build, run, code] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    podman.as_written(build, &[&BUILD[..], &["--build-arg", "RUST=localhost/built"]].concat());
    podman.as_written(run, &RUN);

    let health = || podman.run(&["healthcheck", "run", "satpost"]);
    wait_for("the box to be healthy", SOON, || (health().code == 0).then_some(()));
    let code = podman.as_written(code, &[]);
    assert!(code.trim().len() == 9 && code.contains('-'), "{code}");
    let greeting = |port: u16| {
        let words = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && head -n1 <&3");
        podman.ok(&["exec", "satpost", "bash", "-c", &words])
    };
    assert!(greeting(25).starts_with("220 ") && greeting(143).starts_with("* OK"));
    // Not as root, and nothing of it is outside of the volume.
    assert_eq!(podman.ok(&["exec", "satpost", "id", "-u"]).trim(), "925");
    let changed = podman.ok(&["container", "diff", "satpost"]);
    let inside = |line: &str| {
        ["var", "var/lib", "var/lib/satpost", "etc", "run", "tmp"].iter().any(|at| line.ends_with(&format!(" /{at}")))
    };
    assert!(
        changed.lines().all(|line| inside(line) || line.contains(" /run/") || line.contains(" /etc/mtab")),
        "{changed}"
    );
    let password = "printf 'a-long-enough-one\\n' | satpost people add olga --role owner";
    podman.ok(&["exec", "satpost", "sh", "-c", password]);

    // Another container with the same volume is an upgrade.
    podman.ok(&["rm", "-f", "-t", "10", "satpost"]);
    podman.as_written(run, &RUN);
    wait_for("the box to be healthy", SOON, || (health().code == 0).then_some(()));
    assert!(podman.ok(&["exec", "satpost", "satpost", "people", "list"]).contains("olga"));

    // One that may not open its ports is not healthy, and a sentence says so.
    podman.ok(&["rm", "-f", "-t", "10", "satpost"]);
    let shut = run.split_whitespace().filter(|word| !word.contains("sysctl") && !word.contains("unprivileged"));
    podman.as_written(&shut.collect::<Vec<_>>().join(" "), &RUN);
    let ask = || podman.run(&["exec", "satpost", "satpost", "status", "--health"]);
    let said = wait_for("it to say that it is not", SOON, || Some(ask()).filter(|said| said.err.contains("port 25 ")));
    assert!(said.err.starts_with("satpost: not healthy: mail in: port 25 may not be opened"), "{said:?}");
    assert_eq!((said.code, said.out.as_str(), health().code), (1, "", 1), "{said:?}");

    // One whose store is gone ends, and begins nothing new.
    podman.ok(&["rm", "-f", "-t", "10", "satpost"]);
    let volume = podman.ok(&["volume", "inspect", "satpost", "-f", "{{.Mountpoint}}"]);
    fs::write(Path::new(volume.trim()).join("satpost.redb"), "").unwrap();
    let said = podman.run(&[&["run", "--rm", "-v=satpost:/var/lib/satpost"], &RUN[..], &["satpost"]].concat());
    assert!(said.code != 0 && said.err.contains("is empty although this folder was in use"), "{said:?}");

    // Started again and again it rests longer and longer, and says so to whoever asks for its health.
    podman.as_written(run, &RUN);
    let said = wait_for("it to rest", SOON, || Some(ask()).filter(|said| said.err.contains("times in a row")));
    assert!(said.code == 1 && said.err.contains("is empty although this folder was in use"), "{said:?}");
    assert!(said.err.contains("; it is tried again in "), "{said:?}");
    podman.ok(&["rm", "-f", "-t", "10", "satpost"]);

    // A folder that belongs to somebody else is said, with what to do.
    let foreign = podman.folder.path("foreign");
    fs::create_dir(&foreign).unwrap();
    let mount = format!("-v={}:/var/lib/satpost", foreign.display());
    let said = podman.run(&[&["run", "--rm"], &RUN[..], &[&mount, "satpost"]].concat());
    assert!(said.code != 0 && said.err.contains("/var/lib/satpost"), "{said:?}");
}
