//! The wall clock of one program, which a test moves: days pass while a box is off, or somebody sets its clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    fs::write(&source, BACK).expect("a folder");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    assert!(made.expect("a C compiler, which the build needs as well").success());
    library
}

/// A wall clock that belongs to the test.
#[derive(Debug)]
pub struct OwnClock {
    library: PathBuf,
    back: PathBuf,
}

impl OwnClock {
    /// Makes one; what it is made of lies in this folder.
    ///
    /// # Panics
    /// Without a C compiler.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let clock = Self { library: library(folder), back: folder.join("back") };
        clock.ahead(0);
        clock
    }

    /// Puts it so many seconds ahead of that of the machine from now on.
    ///
    /// # Panics
    /// When its folder is gone.
    pub fn ahead(&self, seconds: u64) {
        fs::write(&self.back, format!("-{seconds}")).expect("a folder");
    }

    /// Puts it so many seconds behind it from now on.
    ///
    /// # Panics
    /// When its folder is gone.
    pub fn behind(&self, seconds: u64) {
        fs::write(&self.back, seconds.to_string()).expect("a folder");
    }

    /// Gives what a program needs in its environment to have it.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("CLOCK_BACK", &self.back)]
    }
}
