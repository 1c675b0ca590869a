//! The build script: hands the commit of the sources to `satpost --version`, if there is one, and asks the linker of a
//! release to make the program small, as far as it can.
//!
//! Built from an archive without git, the version stands alone, unless `SATPOST_COMMIT` names the commit. A release is
//! built anew for each commit; a debug build keeps the commit of its last full build, and says so.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rerun-if-env-changed=SATPOST_COMMIT");
    let given = std::env::var("SATPOST_COMMIT").ok().filter(|commit| !commit.trim().is_empty());
    let debug = std::env::var("PROFILE").is_ok_and(|profile| profile != "release");
    let commit = given.map(|commit| commit.trim().to_owned()).or_else(|| commit(debug)).unwrap_or_default();
    println!("cargo:rustc-env=SATPOST_COMMIT={commit}");
    if !debug {
        make_small();
    }
}

/// What makes the program small: functions that are the same are kept once (lld), and the places that the loader adjusts
/// are written down in a tenth of the room (lld and GNU ld; the C library has to know it, glibc from 2.36 on).
const SMALL: [&str; 2] = ["-Wl,--icf=all", "-Wl,-z,pack-relative-relocs"];

/// Passes on the flags with which a small program links and runs here; all others are left out.
fn make_small() {
    let native = std::env::var("HOST") == std::env::var("TARGET");
    for flag in SMALL.iter().filter(|flag| native && works(flag)) {
        println!("cargo:rustc-link-arg-bins={flag}");
    }
}

fn works(flag: &str) -> bool {
    let [Ok(rustc), Ok(folder)] = ["RUSTC", "OUT_DIR"].map(std::env::var) else { return false };
    let (source, program) = (Path::new(&folder).join("probe.rs"), Path::new(&folder).join("probe"));
    if std::fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let mut command = Command::new(rustc);
    command.arg("--edition=2024").arg("-o").arg(&program).arg(&source).arg(format!("-Clink-arg={flag}"));
    if let Ok(linker) = std::env::var("RUSTC_LINKER") {
        command.arg(format!("-Clinker={linker}"));
    }
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    command.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    // A linker that does not know the flag fails, or says so and goes on: then it does no harm.
    let linked = command.output().is_ok_and(|output| output.status.success());
    linked && Command::new(&program).status().is_ok_and(|status| status.success())
}

/// The commit that is checked out, with a mark for changes that are not in it.
fn commit(debug: bool) -> Option<String> {
    // A source archive inside somebody else's repository is not of that repository's commit.
    if !Path::new(".git").exists() {
        return None;
    }
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    if debug {
        return Some(format!("{commit} or later, debug"));
    }
    for name in ["HEAD", "logs/HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { commit } else { format!("{commit} with changes") })
}

/// What git answers on standard output; `None` where there is no git, or it fails.
fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
