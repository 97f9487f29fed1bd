//! Every input that is known, without a search: so what was found once stays fixed.

#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

use pollux_fuzz::{TARGETS, Target, Verdict};
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of the corpus in the repository at most: it is to begin with, a search finds the rest.
const CORPUS_BYTES_MAX: usize = 300 * 1024;

fn inputs(kind: &str, target: Target) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target.name);
    let Ok(files) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

/// One test, since memory is counted for the whole program.
#[test]
fn known_inputs_break_nothing() {
    let mut corpus_bytes = 0;
    for target in TARGETS {
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            assert_eq!(target.check(&seed), Verdict::Read, "seed {number} of {}", target.name);
        }
        let corpus = inputs("corpus", target);
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        corpus_bytes += corpus.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        for (path, bytes) in corpus.into_iter().chain(inputs("regressions", target)) {
            // The last line of a failing test names the input.
            eprintln!("{}", path.display());
            let _read_or_refused = target.check(&bytes);
        }
    }
    assert!(corpus_bytes <= CORPUS_BYTES_MAX, "{corpus_bytes} bytes");
}
