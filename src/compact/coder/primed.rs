//! The primed state on disk, so that only the first start of a box has to learn.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::model::Model;
use super::primer::records;
use super::{Coder, Spec, Tell};

impl Coder {
    /// Takes the primed model from `model-<number>.primed` of the folder, or primes it and keeps it there. A file that
    /// is not byte for byte what it has to be is made anew.
    ///
    /// # Errors
    /// The model came out other than published, so this build must not use it; or the folder cannot be written.
    pub fn open(spec: &'static Spec, folder: &Path) -> io::Result<Self> {
        Self::open_telling(spec, folder, &|_, _| ())
    }

    /// The same; says how far it is while it primes the model.
    ///
    /// # Errors
    /// As [`Coder::open`].
    pub fn open_telling(spec: &'static Spec, folder: &Path, tell: Tell) -> io::Result<Self> {
        let path = folder.join(format!("model-{}.primed", spec.number));
        if let Ok(coder) = Self::load(spec, &path) {
            return Ok(coder);
        }
        let mut coder = Self::new_telling(spec, tell);
        if coder.state() != spec.state {
            return Err(other_than_published(spec));
        }
        // Whole or not at all: beside it first, then in its place.
        let beside = path.with_extension("new");
        let mut file = BufWriter::new(File::create(&beside)?);
        coder.model.pack(&mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&beside, path)?;
        Ok(coder)
    }

    /// The coder of a kept state.
    ///
    /// # Errors
    /// It cannot be read, or it is another state.
    pub(super) fn load(spec: &'static Spec, path: &Path) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(1 << 16, Hashed(File::open(path)?, Sha256::new()));
        // Unpacking them takes some megabytes, which are free again when the model takes its own.
        let records = records(spec.make);
        let mut model = Model::new(spec.make, spec.rows);
        model.unpack(&records, &mut file)?;
        let whole = file.read(&mut [0])? == 0;
        let state: [u8; 32] = file.into_inner().1.finalize().into();
        if whole && state == spec.state { Ok(Self { model, spec }) } else { Err(other_than_published(spec)) }
    }

    /// SHA-256 of the primed state, as it is kept: the same on every processor.
    pub fn state(&mut self) -> [u8; 32] {
        let mut file = Hashed(io::sink(), Sha256::new());
        let mut buffered = BufWriter::with_capacity(1 << 16, &mut file);
        // A sink takes everything.
        let _ = self.model.pack(&mut buffered).and_then(|()| buffered.flush());
        drop(buffered);
        file.1.finalize().into()
    }
}

fn other_than_published(spec: &Spec) -> io::Error {
    let said =
        format!("coding model {} is not as it was published: this program is damaged, install it anew", spec.number);
    io::Error::new(io::ErrorKind::InvalidData, said)
}

/// A file of which every byte that passes is hashed.
struct Hashed<F>(F, Sha256);

impl<F: Read> Read for Hashed<F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(bytes)?;
        self.1.update(&bytes[..count]);
        Ok(count)
    }
}

impl<F: Write> Write for Hashed<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.0.write(bytes)?;
        self.1.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
