//! The files in `systemd/`: what they promise, and what systemd itself thinks of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use testing::Folder;

const SOCKETS: [(&str, &str); 6] =
    [("web", "80"), ("smtp", "25"), ("submission", "587"), ("submissions", "465"), ("imap", "143"), ("imaps", "993")];

/// Directives that the unit must keep, one a line as `Name=value`.
const DIRECTIVES: &str = "
    Type=notify
    NotifyAccess=main
    ExecStart=/usr/bin/satpost run --data /var/lib/satpost
    Environment=BLOCKING_MAX_THREADS=8
    Restart=always
    RestartSec=2
    RestartSteps=6
    RestartMaxDelaySec=60
    WatchdogSec=30
    TimeoutStartSec=30
    TimeoutStopSec=20
    StartLimitIntervalSec=0
    LogRateLimitIntervalSec=30s
    LogRateLimitBurst=500
    User=satpost
    Group=satpost
    SupplementaryGroups=dialout
    StateDirectory=satpost
    StateDirectoryMode=0700
    RuntimeDirectory=satpost
    RuntimeDirectoryMode=0750
    RuntimeDirectoryPreserve=restart
    UMask=0077
    LimitNOFILE=4096
    LimitCORE=0
    MemoryHigh=96M
    MemoryMax=160M
    TasksMax=384
    DevicePolicy=closed
    DeviceAllow=char-ttyUSB rw
    DeviceAllow=char-ttyACM rw
    NoNewPrivileges=yes
    CapabilityBoundingSet=
    AmbientCapabilities=
    PrivateUsers=yes
    PrivateMounts=yes
    PrivateTmp=yes
    PrivateIPC=yes
    ProtectSystem=strict
    ProtectHome=yes
    ProtectProc=invisible
    ProcSubset=pid
    ProtectClock=yes
    ProtectHostname=yes
    ProtectKernelLogs=yes
    ProtectKernelModules=yes
    ProtectKernelTunables=yes
    ProtectControlGroups=yes
    RestrictNamespaces=yes
    RestrictRealtime=yes
    RestrictSUIDSGID=yes
    RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
    RemoveIPC=yes
    LockPersonality=yes
    MemoryDenyWriteExecute=yes
    SystemCallArchitectures=native
    SystemCallFilter=@system-service
    SystemCallFilter=~@privileged @resources
    SystemCallErrorNumber=EPERM
    WantedBy=multi-user.target
";

#[test]
fn the_unit_keeps_every_directive() {
    let unit = Unit::read("satpost.service");
    for line in DIRECTIVES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once('=').unwrap();
        assert!(unit.has(name, value), "satpost.service lost {line}");
    }
}

#[test]
fn an_adapter_may_be_plugged_in_after_the_start_and_a_taken_port_stops_one_door_only() {
    let unit = Unit::read("satpost.service");
    let sockets = SOCKETS.map(|(name, _)| format!("satpost-{name}.socket"));
    let modules = ["modprobe@usbserial.service", "modprobe@cdc_acm.service"].map(str::to_owned);
    for name in sockets.iter().chain(&modules) {
        assert!(unit.words("Wants").contains(&name.as_str()), "Wants= {name}");
        assert!(unit.words("After").contains(&name.as_str()), "After= {name}");
    }
    assert_eq!(unit.words("Also"), sockets.each_ref().map(String::as_str));
    assert!(unit.words("Requires").is_empty() && unit.words("BindsTo").is_empty());
    assert!(!unit.words("After").contains(&"network-online.target"), "a box off the grid would wait for it");
}

#[test]
fn sockets_have_their_names_and_ports() {
    for (name, port) in SOCKETS {
        let unit = Unit::read(&format!("satpost-{name}.socket"));
        for (directive, value) in [
            ("ListenStream", port),
            ("FileDescriptorName", name),
            ("Service", "satpost.service"),
            ("Backlog", "128"),
            ("NoDelay", "yes"),
            ("WantedBy", "sockets.target"),
        ] {
            assert!(unit.has(directive, value), "satpost-{name}.socket lost {directive}={value}");
        }
        assert!(unit.words("Accept").is_empty(), "one process takes all connections");
    }
}

#[test]
#[ignore = "needs systemd, which tests/run installs"]
fn systemd_finds_nothing_wrong() {
    let folder = Folder::new();
    let units = units(&folder);
    let mut verify = Command::new("systemd-analyze");
    let verified = run(verify.arg("verify").args(&units));
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // Steps of pauses came with systemd 254; the manual page is not installed here.
    let wrong = |line: &&str| {
        let known = ["Unknown key 'Restart", "Unknown key name 'Restart", "Command 'man satpost(1)' failed"];
        line.contains("satpost") && !known.iter().any(|known| line.contains(known))
    };
    assert_eq!(said.lines().find(wrong), None, "{said}");
}

#[test]
#[ignore = "needs systemd, which tests/run installs"]
fn the_service_is_exposed_as_little_as_its_work_allows() {
    let folder = Folder::new();
    let units = units(&folder);
    let mut security = Command::new("systemd-analyze");
    let judged = run(security.args(["security", "--offline=true", "--threshold=13"]).arg(&units[0]));
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "exposure above 1.3: {}", said.lines().last().unwrap_or_default());
}

#[test]
fn every_usb_rule_keeps_modemmanager_away_and_names_an_adapter() {
    let rules = text("61-satpost.rules");
    let lines: Vec<_> = rules.lines().filter(|line| line.starts_with("SUBSYSTEM")).collect();
    assert!(lines.len() >= 4);
    for line in &lines {
        assert!(line.contains(r#"ENV{DEVTYPE}=="usb_device""#) && line.contains(r#"ATTR{idProduct}==""#), "{line}");
        assert!(line.ends_with(r#"ENV{ID_MM_DEVICE_IGNORE}="1""#), "{line}");
    }
    for vendor in ["1a86", "10c4", "0403", "067b"] {
        assert!(lines.iter().any(|line| line.contains(&format!(r#"ATTR{{idVendor}}=="{vendor}""#))), "{vendor}");
    }
    let (jump, label) = (r#"GOTO="satpost_end""#, r#"LABEL="satpost_end""#);
    assert!(rules.contains(jump) && rules.contains(label));
}

#[test]
fn avahi_announces_what_the_sockets_open() {
    let announced = text("satpost.avahi");
    for (socket, kind) in [
        ("web", "http"),
        ("imap", "imap"),
        ("imaps", "imaps"),
        ("submission", "submission"),
        ("submissions", "submissions"),
    ] {
        let port = SOCKETS.iter().find(|(name, _)| *name == socket).unwrap().1;
        assert!(announced.contains(&format!("<type>_{kind}._tcp</type><port>{port}</port>")), "{socket}");
    }
    assert_eq!((announced.matches("<service>").count(), announced.matches("</service>").count()), (5, 5));
    assert!(announced.starts_with("<?xml") && announced.trim_end().ends_with("</service-group>"));
}

#[test]
#[ignore = "needs systemd, which tests/run installs"]
fn user_and_console_link_can_be_made() {
    let folder = Folder::new();
    let root = format!("--root={}", folder.display());
    fs::create_dir_all(folder.join("etc")).unwrap();
    let made = run(Command::new("systemd-sysusers").arg(&root).arg(source("satpost.sysusers")));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let users = fs::read_to_string(folder.join("etc/passwd")).unwrap();
    assert!(users.contains("satpost:") && users.contains(":/var/lib/satpost:"), "{users}");
    let made = run(Command::new("systemd-tmpfiles").args(["--create", &root]).arg(source("satpost.tmpfiles")));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let link = fs::read_link(folder.join("run/issue.d/50-satpost.issue")).unwrap();
    assert_eq!(link, Path::new("/run/satpost/issue"));
}

#[test]
fn the_readme_installs_every_file() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for entry in fs::read_dir(source("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let ending = name.rsplit('.').next().unwrap();
        let wildcard = readme.contains(&format!("systemd/*.{ending} "));
        assert!(wildcard || readme.contains(&format!("systemd/{name}")), "README.md does not install systemd/{name}");
    }
}

/// A unit file: each directive with its values in order.
struct Unit(BTreeMap<String, Vec<String>>);

impl Unit {
    fn read(name: &str) -> Self {
        let mut directives: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in text(name).lines().filter(|line| !line.starts_with(['#', '['])) {
            if let Some((directive, value)) = line.split_once('=') {
                directives.entry(directive.to_owned()).or_default().push(value.to_owned());
            }
        }
        Self(directives)
    }

    fn has(&self, directive: &str, value: &str) -> bool {
        self.0.get(directive).is_some_and(|values| values.iter().any(|known| known == value))
    }

    fn words(&self, directive: &str) -> Vec<&str> {
        self.0.get(directive).into_iter().flatten().flat_map(|value| value.split_whitespace()).collect()
    }
}

/// Copies of the units, the service first, that name the program of this build: it has to exist to be verified.
fn units(folder: &Folder) -> Vec<PathBuf> {
    let sockets = SOCKETS.map(|(name, _)| format!("satpost-{name}.socket"));
    let names = std::iter::once("satpost.service".to_owned()).chain(sockets);
    names
        .map(|name| {
            let copy = folder.path(&name);
            fs::write(&copy, text(&name).replace("/usr/bin/satpost", env!("CARGO_BIN_EXE_satpost"))).unwrap();
            copy
        })
        .collect()
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(source(name)).unwrap()
}

/// Runs a program of systemd.
fn run(command: &mut Command) -> Output {
    let name = command.get_program().to_owned();
    let output = command.env("SYSTEMD_COLORS", "0").output();
    output.unwrap_or_else(|why| panic!("{} cannot be run ({why}); tests/run installs it", name.display()))
}
