//! What a fuzzer once found worth keeping, through the same functions, without a fuzzer.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use crate::fuzzed::{FUZZED, run};

#[test]
fn every_kept_input_holds_what_is_asserted_of_any() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = top.join("tests/fuzz/corpus");
    // A packaged crate has no corpora: cargo packs no folder that has a manifest of its own.
    if top.join("Cargo.toml.orig").exists() && !corpus.exists() {
        return;
    }
    for (name, _) in FUZZED {
        let mut taken = 0;
        let mut paths: Vec<_> = fs::read_dir(corpus.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        for path in &paths {
            let bytes = fs::read(path).unwrap();
            let was_taken = catch_unwind(|| run(name, &bytes));
            taken += usize::from(was_taken.unwrap_or_else(|_| panic!("{}", path.display())));
        }
        // Else the inputs are of a format that is no longer the program's.
        assert!(
            0 < taken && taken < paths.len(),
            "{name}: {taken} of {} taken",
            paths.len()
        );
    }
}
