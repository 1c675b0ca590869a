//! Packs what the models learn first: the texts of `primer/`, and the words of brotli's dictionary. They are read once,
//! while a model is made, and take a third of the room so.

use std::path::Path;
use std::{env, fs, io};

use brotli_decompressor::dictionary::{
    kBrotliDictionary, kBrotliDictionaryOffsetsByLength, kBrotliDictionarySizeBitsByLength,
};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=primer");
    let mut files = vec![("words".to_owned(), words())];
    for entry in fs::read_dir("primer")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".txt") {
            files.push((name, fs::read(entry.path())?));
        }
    }
    files.sort();
    // Each: its name with a line feed, its length in four bytes, its bytes.
    let mut all = Vec::new();
    for (name, bytes) in files {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        all.extend([name.as_bytes(), b"\n", &length.to_le_bytes(), &bytes].concat());
    }
    let packed = miniz_oxide::deflate::compress_to_vec(&all, 9);
    let folder = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&folder).join("primer.bin"), packed)
}

/// The dictionary of brotli (RFC 7932, appendix A): words and phrases of many languages, a line each; some end within a
/// character.
fn words() -> Vec<u8> {
    let mut lines = Vec::new();
    for length in 4..=24 {
        let count = 1_usize << kBrotliDictionarySizeBitsByLength[length];
        let start = kBrotliDictionaryOffsetsByLength[length] as usize;
        for word in kBrotliDictionary[start..start + count * length].chunks(length) {
            lines.extend(word.iter().filter(|byte| **byte != 0));
            lines.push(b'\n');
        }
    }
    lines
}
