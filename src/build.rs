//! The build script: hands the commit of the sources to `satpost --version`, if there is one.
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
