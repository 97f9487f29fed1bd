//! Lock files. The first line of the input is the file's name, which tells its kind; the rest is its text.

use crate::memory::bounded;
use crate::{Verdict, sample, words};
use pollux_packages::lock::{self, LockedDigest};
use pollux_packages::purl::Purl;
use std::path::Path;

/// Bytes that a byte of a lock file may become: two letters of TOML begin a table, whose first node has room for eleven
/// entries and takes more than a thousand bytes.
const FACTOR: usize = 1024;

/// Whether the text is a lock file of the kind that the name tells.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(bytes);
    let Some((name, text)) = text.split_once('\n') else { return Verdict::Refused };
    match bounded(bytes, FACTOR, 0, || lock::read(Path::new(name), text)) {
        None => Verdict::Refused,
        Some(Err(error)) => {
            words::harmless(&error);
            Verdict::Refused
        }
        Some(Ok(packages)) => {
            for package in &packages {
                sound(&package.purl);
                assert!(package.digests.iter().all(is_plain), "{:?}", package.digests);
            }
            Verdict::Read
        }
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::locks()
}

/// What is written of a package's name is read again the same, and a terminal may show it.
pub(crate) fn sound(purl: &Purl) {
    let written = purl.to_string();
    assert!(!written.chars().any(char::is_control), "{written:?}");
    assert_eq!(written.parse().as_ref(), Ok(purl), "{written:?} is another package");
}

fn is_plain(digest: &LockedDigest) -> bool {
    match digest {
        LockedDigest::Artifact(_) | LockedDigest::File { .. } | LockedDigest::YarnArchive { .. } => true,
        LockedDigest::GoModule(hash) => !hash.chars().any(char::is_whitespace),
    }
}
