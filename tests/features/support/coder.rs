//! Boxes of tests find their coding model primed: on two processors a dozen of them at once would be busy with nothing
//! else. One that lacks it makes it by itself, as link/compact.rs has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use compact::coder::{Coder, MODELS};

use super::Folder;

/// The primed model, made once for all tests. It goes to its place in one step, as tests in other processes look for it
/// there at the same time.
static PRIMED: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = format!("model-{}.primed", MODELS[0].number);
    let fits = |file: &Path| fs::metadata(file).is_ok_and(|file| file.modified().is_ok_and(|at| at > built()));
    let primed = place.join(&file);
    if !fits(&primed) {
        let own = Folder::new();
        Coder::open(&MODELS[0], &own).expect("the model is as it was published");
        let beside = place.join(format!("{file}.{}", std::process::id()));
        fs::copy(own.path(&file), &beside).and_then(|_| fs::rename(&beside, &primed)).expect("a place for the model");
    }
    primed
});

/// When these tests were built: a model that is older may be another one.
fn built() -> std::time::SystemTime {
    let program = std::env::current_exe().and_then(fs::metadata).and_then(|program| program.modified());
    program.expect("this program is a file")
}

/// Puts it into the data folder of a box.
pub fn lend(data: &Path) {
    let at = data.join(format!("model-{}.primed", MODELS[0].number));
    // A box replaces the file and never writes into it, so a second name for it will do where that is possible.
    if !at.exists() && fs::hard_link(&*PRIMED, &at).is_err() && fs::copy(&*PRIMED, &at).is_err() {
        // The disk of this test is too small for it.
        let _ = fs::remove_file(&at);
    }
}
