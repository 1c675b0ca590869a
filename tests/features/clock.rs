//! A box whose clock is wrong when it starts and is set later, as a board without a battery has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::shore::Shore;
use crate::support::{SOON, wait_for};

/// A library that puts the wall clock of a program so many seconds back as a file says.
const BACK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, time);
    if (code || clock != CLOCK_REALTIME) return code;
    FILE *file = fopen(getenv("CLOCK_BACK"), "r");
    long back = 0;
    if (file) { if (fscanf(file, "%ld", &back) != 1) back = 0; fclose(file); }
    time->tv_sec -= back;
    return 0;
}
"#;

fn library(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("back.c"), folder.join("back.so"));
    fs::write(&source, BACK).unwrap();
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    assert!(made.expect("a C compiler, which the build needs as well").success());
    library
}

/// The message is seconds old when the clock jumps by twenty days: it waits on, for as long as it would have.
#[test]
fn what_was_sent_before_the_clock_was_set_does_not_expire() {
    let shore = Shore::start();
    // Nobody listens there.
    let more = [("relay.port", "1"), ("queue.lifetime", "86400")];
    let mut gateway = shore.gateway(&more, &["olga"]);
    let folder = shore.folder.path("");
    let (library, back) = (library(&folder), folder.join("back"));
    fs::write(&back, "0").unwrap();
    gateway.start_with(&[("LD_PRELOAD", library.as_path()), ("CLOCK_BACK", back.as_path())]);
    gateway.cli_ok(&["send", "--from", "olga", "--text", "before the jump", "bob@world.example"], "");
    let before = gateway.messages().remove(0);
    // What was true until now was twenty days behind.
    fs::write(&back, "-1728000").unwrap();
    wait_for("the clock to be followed", SOON + SOON, || {
        gateway.log_text().contains("the clock was set ahead by 172").then_some(())
    });
    let after = gateway.messages().remove(0);
    assert_eq!(after["state"], "queued", "{after}");
    for time in ["accepted", "deadline"] {
        assert_ne!(before[time], after[time], "{time} moved with the clock");
    }
    gateway.books_balance();
}
