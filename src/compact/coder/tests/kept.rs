//! The primed state on disk.

use std::fs;
use std::time::Instant;

use testing::Folder;

use super::*;
use crate::coder::spec::Make;

#[test]
fn a_kept_state_codes_as_a_primed_one_and_a_damaged_one_is_made_anew() {
    let folder = Folder::new();
    let spec = &MODELS[5];
    let file = folder.join("model-2.primed");
    let same = |coder: &mut Coder| coder.encode(&samples()) == super::coder(5).encode(&samples());
    let primed = Instant::now();
    assert!(same(&mut Coder::open(spec, &folder).unwrap()));
    let primed = primed.elapsed();
    let state = fs::read(&file).unwrap();
    let loaded = Instant::now();
    let mut coder = Coder::open(spec, &folder).unwrap();
    assert!(loaded.elapsed() < primed, "{:?} to load", loaded.elapsed());
    assert!(same(&mut coder) && coder.state() == spec.state);
    let mut damaged = state.clone();
    damaged[state.len() / 2] ^= 4;
    let longer = [&state[..], &[0]].concat();
    for bad in [damaged, state[..state.len() - 1].to_vec(), longer, Vec::new()] {
        fs::write(&file, bad).unwrap();
        assert!(Coder::load(spec, &file).is_err());
    }
    assert!(same(&mut Coder::open(spec, &folder).unwrap()));
    assert!(fs::read(&file).unwrap() == state && fs::read_dir(&folder).unwrap().count() == 1);
}

#[test]
fn a_state_that_came_out_other_than_published_is_not_used() {
    let folder = Folder::new();
    static OTHER: Spec = Spec { number: 9, make: Make::First, rows: 1 << 8, memory: 0, state: [0; 32] };
    let refused = Coder::open(&OTHER, &folder).err().unwrap().to_string();
    assert!(refused.starts_with("coding model 9 is not as it was published"), "{refused}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert!(Coder::open(&MODELS[5], &folder.join("missing")).is_err());
}
