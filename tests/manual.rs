//! The manual page, the completions and the version: what other programs make of them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn satpost(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_satpost")).args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// True where a program is installed.
fn there(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).exists()))
}

/// Gives a program `input`; what it says on both outputs, and whether it was content.
fn give(program: &str, args: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(program)
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), said)
}

#[test]
fn the_manual_page_renders() {
    let page = satpost(&["man"]);
    assert!(page.starts_with(".TH SATPOST 1"), "{page}");
    let mut rendered = 0;
    for (program, args) in
        [("groff", &["-man", "-Tutf8", "-ww", "-P-cbou"][..]), ("mandoc", &["-T", "utf8", "-W", "error"])]
    {
        if !there(program) {
            println!("{program} is not installed: the page is not rendered with it");
            continue;
        }
        let (content, text) = give(program, args, &page);
        assert!(content, "{program}: {text}");
        // mandoc prints bold by striking twice.
        let plain = text.replace('\u{8}', "");
        assert!(!plain.contains("warning"), "{program}: {plain}");
        rendered += usize::from(plain.contains("queue list") || plain.contains("qquueeuuee"));
    }
    println!("rendered by {rendered} programs");
}

#[test]
fn every_shell_that_is_there_accepts_its_completions() {
    for (shell, args) in [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["-n"])] {
        let script = satpost(&["completions", shell]);
        if there(shell) {
            let (content, said) = give(shell, &args, &script);
            assert!(content && said.is_empty(), "{shell}: {said}");
        } else {
            assert_ne!(shell, "bash", "bash is needed for this test");
            println!("{shell} is not installed: its completions are not read");
        }
    }
}

/// In a real bash: commands, flags, the values of an option, and the names of settings.
#[test]
fn bash_completes() {
    let script = satpost(&["completions", "bash"]);
    let complete = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let array: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
        let at = words.len() - 1;
        let more = format!("COMP_WORDS=({})\nCOMP_CWORD={at}\n_satpost\necho \"${{COMPREPLY[*]}}\"\n", array.join(" "));
        let (content, said) = give("bash", &[], &format!("{script}{more}"));
        assert!(content, "{said}");
        said.trim().to_owned()
    };
    assert_eq!(complete("satpost que"), "queue");
    assert_eq!(complete("satpost queue rel"), "release");
    assert_eq!(complete("satpost queue release --a"), "--allow-sender");
    assert_eq!(complete("satpost people add anna --role o"), "operator owner");
    assert_eq!(complete("satpost queue list --state on"), "on-the-link");
    assert_eq!(complete("satpost settings set relay.h"), "relay.host");
    assert_eq!(complete("satpost --data /x que"), "queue");
    assert_eq!(complete("satpost send --text q"), "", "a value is free text, or a file");
}

#[test]
fn the_version_names_the_commit() {
    let version = satpost(&["--version"]);
    assert!(version.starts_with(concat!("satpost ", env!("CARGO_PKG_VERSION"))), "{version}");
    assert_eq!(version, satpost(&["-V"]));
    assert!(!version.contains("()"), "{version}");
}

/// The build script: in a repository it names the commit, in a folder without one it does not, and says no error.
#[test]
fn the_build_script_needs_no_git() {
    let folder = std::env::temp_dir().join(format!("satpost-build-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("build");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&program).arg(&source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let run = |more: &[(&str, &str)]| {
        let mut command = Command::new(&program);
        command.current_dir(&folder).env("PROFILE", "release").env_remove("SATPOST_COMMIT");
        command.envs(more.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().find_map(|line| line.strip_prefix("cargo:rustc-env=SATPOST_COMMIT=")).unwrap().to_owned()
    };
    assert_eq!(run(&[]), "", "a source archive");
    assert_eq!(run(&[("SATPOST_COMMIT", "abc123 ")]), "abc123");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(identity).args(args).current_dir(&folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    std::fs::write(folder.join("a"), "a").unwrap();
    git(&["init", "-q"]);
    git(&["add", "a"]);
    git(&["commit", "-q", "-m", "a"]);
    let commit = git(&["rev-parse", "--short=10", "HEAD"]);
    assert_eq!(run(&[]), commit);
    assert_eq!(run(&[("PROFILE", "debug")]), format!("{commit} or later, debug"));
    std::fs::write(folder.join("a"), "b").unwrap();
    assert_eq!(run(&[]), format!("{commit} with changes"));
    let _ = std::fs::remove_dir_all(&folder);
}
