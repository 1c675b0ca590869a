//! A box whose clock is wrong when it starts and is set later, as a board without a battery has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::shore::Shore;
use crate::support::{SOON, Station, wait_for};

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
        gateway.log_text().contains("the clock was set ahead by 20 days").then_some(())
    });
    let after = gateway.messages().remove(0);
    assert_eq!(after["state"], "queued", "{after}");
    for time in ["accepted", "deadline"] {
        assert_ne!(before[time], after[time], "{time} moved with the clock");
    }
    gateway.books_balance();
}

/// A clock that is years ahead when the box starts, and a gateway that runs by it: the file that moves it, and the box.
fn nine_years_ahead(shore: &Shore) -> (PathBuf, Station) {
    // Nobody listens there yet.
    let more = [("relay.port", "1"), ("queue.lifetime", "86400")];
    let gateway = shore.gateway(&more, &["olga"]);
    let back = shore.folder.path("back");
    fs::write(&back, format!("-{AHEAD}")).unwrap();
    (back, gateway)
}

const AHEAD: u64 = 9 * 365 * 86_400;

fn start(gateway: &mut Station, shore: &Shore, back: &Path) {
    let library = library(&shore.folder.path(""));
    gateway.start_with(&[("LD_PRELOAD", library.as_path()), ("CLOCK_BACK", back)]);
}

/// The year of a time as the box prints it.
fn year(message: &Value, time: &str) -> i32 {
    message[time].as_str().and_then(|time| time[..4].parse().ok()).unwrap_or_else(|| panic!("no {time} in {message}"))
}

fn right_year() -> i32 {
    let year = Command::new("date").args(["-u", "+%Y"]).output().unwrap();
    String::from_utf8(year.stdout).unwrap().trim().parse().unwrap()
}

fn wait_followed(gateway: &Station) {
    wait_for("the clock to be followed", SOON + SOON, || {
        gateway.log_text().contains("the clock was set back by 3285 days").then_some(())
    });
}

/// The clock was ahead by years and is set right while the box runs: what waits goes on as if nothing had been, and what was dated wrong
/// is dated right.
#[test]
fn what_was_sent_under_a_clock_that_was_ahead_is_dated_right_and_goes_on() {
    let shore = Shore::start();
    let (back, mut gateway) = nine_years_ahead(&shore);
    start(&mut gateway, &shore, &back);
    gateway.cli_ok(&["send", "--from", "olga", "--text", "from another time", "bob@world.example"], "");
    gateway.cli_ok(&["send", "--from", "olga", "--text", "to myself", "olga@example.net"], "");
    let (now, wrong) = (right_year(), gateway.messages());
    assert!(wrong.iter().all(|message| year(message, "accepted") > now + 7), "{wrong:?}");
    fs::write(&back, "0").unwrap();
    wait_followed(&gateway);
    for message in gateway.messages() {
        assert!((now..=now + 1).contains(&year(&message, "accepted")), "{message}");
        assert!((now..=now + 1).contains(&year(&message, "deadline")), "{message}");
    }
    let page: Value = serde_json::from_str(&gateway.cli_ok(&["queue", "show", "m1", "--json"], "")).unwrap();
    assert!(!page.to_string().contains(&format!("\"{}-", year(&wrong[0], "accepted"))), "{page}");
    // It is tried again soon, and not in nine years.
    gateway.cli_ok(&["settings", "set", "relay.port", &shore.sink_port], "");
    shore.wait_mails(1);
    gateway.books_balance();
    // And it stays so.
    gateway.stop();
    start(&mut gateway, &shore, &back);
    gateway.cli_ok(&["send", "--from", "olga", "--text", "now", "olga@example.net"], "");
    assert!(gateway.messages().iter().all(|message| year(message, "accepted") <= now + 1));
    assert!(gateway.cli_ok(&["clock"], "").contains("the box holds its time for right"));
}

/// The same when the clock was set right while the box was off: it cannot know, until somebody says so.
#[test]
fn a_box_that_remembers_a_later_time_follows_its_owner_back() {
    let shore = Shore::start();
    let (back, mut gateway) = nine_years_ahead(&shore);
    start(&mut gateway, &shore, &back);
    gateway.cli_ok(&["send", "--from", "olga", "--text", "from another time", "bob@world.example"], "");
    gateway.stop();
    fs::write(&back, "0").unwrap();
    start(&mut gateway, &shore, &back);
    let now = right_year();
    assert!(gateway.cli_ok(&["clock"], "").contains("not known to be right"));
    assert!(String::from_utf8_lossy(&gateway.cli(&["check"], "").stdout).contains("satpost clock --right"));
    gateway.cli_ok(&["clock", "--right"], "");
    wait_followed(&gateway);
    assert!(gateway.messages().iter().all(|message| year(message, "accepted") <= now + 1));
    assert!(gateway.cli_ok(&["clock"], "").contains("the box holds its time for right"));
}
