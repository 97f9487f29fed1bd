//! Names of packages, digests, integrity texts, and lists of packages: the whole input is read as each.

use super::lock::sound;
use crate::memory::bounded;
use crate::{Verdict, sample, words};
use pollux_packages::Program;
use pollux_packages::digest::Digest;
use pollux_packages::list::PackageList;
use pollux_packages::purl::Purl;

/// Bytes that a byte of the input may become: `{"program":…}` without much in it is a package of some 250 bytes.
const FACTOR: usize = 64;

/// Whether it is one of them.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let read = [list(bytes), purl(&text), digests(&text), program(&text)];
    if read.contains(&true) { Verdict::Read } else { Verdict::Refused }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::purls_and_lists()
}

fn list(bytes: &[u8]) -> bool {
    match bounded(bytes, FACTOR, 0, || PackageList::from_json(bytes)) {
        Ok(list) => {
            list.packages().iter().for_each(|package| sound(&package.purl));
            let written = list.to_json();
            let again = PackageList::from_json(&written);
            assert!(again.as_ref().is_ok_and(|again| *again == list && again.to_json() == written));
            assert!(list.compare(&list).is_empty());
            assert_eq!(PackageList::default().compare(&list).added.len(), list.packages().len());
            true
        }
        Err(error) => {
            words::harmless(&error);
            false
        }
    }
}

fn purl(text: &str) -> bool {
    match bounded(text.as_bytes(), FACTOR, 0, || text.parse::<Purl>()) {
        Ok(purl) => {
            sound(&purl);
            sound(&purl.bare());
            sound(&purl.any_version());
            assert!(purl.is(&purl) && purl.is(&purl.bare()) && purl.is(&purl.any_version()));
            true
        }
        Err(error) => {
            words::harmless(&error);
            false
        }
    }
}

fn digests(text: &str) -> bool {
    let integrity = bounded(text.as_bytes(), FACTOR, 0, || Digest::from_integrity(text));
    let written = Digest::try_from(text.to_owned()).ok();
    let hex = Digest::from_any_hex(text);
    let mut read = integrity.into_iter().chain(written).chain(hex).peekable();
    let any = read.peek().is_some();
    for digest in read {
        assert_eq!(Digest::try_from(digest.to_string()).as_ref(), Ok(&digest));
        assert_eq!(Digest::from_any_hex(&digest.hex()).as_ref(), Some(&digest));
    }
    any
}

fn program(text: &str) -> bool {
    text.parse::<Program>().is_ok_and(|program| {
        assert_eq!(program.name(), text);
        true
    })
}
