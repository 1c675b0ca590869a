//! The primed state on disk, so that only the first start of a box has to learn.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::model::Model;
use super::primer::primer;
use super::{Coder, Spec};

impl Coder {
    /// Takes the primed model from `model-<number>.primed` of the folder, or primes it and keeps it there. A file that
    /// is not byte for byte what it has to be is made anew.
    ///
    /// # Errors
    /// The model came out other than published, so this build must not use it; or the folder cannot be written.
    pub fn open(spec: &'static Spec, folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("model-{}.primed", spec.number));
        if let Some(coder) = fs::read(&path).ok().and_then(|state| Self::load(spec, &state)) {
            return Ok(coder);
        }
        let mut coder = Self::new(spec);
        let state = coder.model.pack();
        if hash(&state) != spec.state {
            let said =
                format!("model {} came out other than published: this program is broken, install it anew", spec.number);
            return Err(io::Error::new(io::ErrorKind::InvalidData, said));
        }
        keep(&path, &state)?;
        Ok(coder)
    }

    /// The coder of a kept state; `None` when it is another.
    pub(super) fn load(spec: &'static Spec, state: &[u8]) -> Option<Self> {
        if hash(state) != spec.state {
            return None;
        }
        let mut model = Model::new(spec.table_bits);
        model.unpack(&primer(), state)?;
        Some(Self { model, spec })
    }

    /// SHA-256 of the primed state, packed: the same on every processor.
    pub fn state(&mut self) -> [u8; 32] {
        hash(&self.model.pack())
    }
}

fn hash(state: &[u8]) -> [u8; 32] {
    Sha256::digest(state).into()
}

/// Whole or not at all: beside it first, then in its place.
fn keep(path: &Path, state: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(state)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
