//! Boxes of tests find their coding model primed: on two processors a dozen of them at once would be busy with nothing
//! else. One that lacks it makes it by itself, as tests/compact.rs has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use compact::coder::{Coder, MODELS};

/// The primed model, made once for all tests.
static PRIMED: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    Coder::open(&MODELS[0], folder).expect("the model is as it was published");
    folder.join("model-1.primed")
});

/// Puts it into the data folder of a box.
pub fn lend(data: &Path) {
    let at = data.join("model-1.primed");
    // A box replaces the file and never writes into it, so a second name for it will do where that is possible.
    if !at.exists() && fs::hard_link(&*PRIMED, &at).is_err() && fs::copy(&*PRIMED, &at).is_err() {
        // The disk of this test is too small for it.
        let _ = fs::remove_file(&at);
    }
}
