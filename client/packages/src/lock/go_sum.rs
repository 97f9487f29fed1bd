//! `go.sum`: lines `MODULE VERSION HASH`, and `MODULE VERSION/go.mod HASH` for go.mod files alone, which are left out.
//! Source: Go's reference of modules, and `readGoSum` of `cmd/go/internal/modfetch`.

use super::{LockError, Locked, LockedDigest};
use crate::purl::Purl;
use std::collections::BTreeMap;

/// The name of a module: the specification lowers it.
pub(crate) fn purl(module: &str, version: &str) -> Purl {
    let lower = module.to_ascii_lowercase();
    let (namespace, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    Purl::new("golang", name).namespace(namespace).version(version)
}

/// Reads it. Modules whose names differ in case only are one package with the hashes of both.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let mut found: BTreeMap<Purl, Vec<LockedDigest>> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut fields = line.split_ascii_whitespace();
        let (module, version, hash, more) = (fields.next(), fields.next(), fields.next(), fields.next());
        match (module, version, hash, more) {
            (None, ..) => {}
            (Some(module), Some(version), Some(hash), None) => {
                if version.ends_with("/go.mod") {
                    continue;
                }
                let digests = found.entry(purl(module, version)).or_default();
                // Go passes over kinds of hashes that it does not know.
                if !hash.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(LockError::at(number, "its hash has letters that none has"));
                }
                if hash.starts_with("h1:") {
                    digests.push(LockedDigest::GoModule(hash.to_owned()));
                }
            }
            _ => return Err(LockError::at(number, "not a module, a version and a hash")),
        }
    }
    Ok(found.into_iter().map(|(purl, digests)| Locked { purl, digests }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modules_are_read_and_go_mod_lines_are_not() {
        let text = "example.org/A/x v1.0.0 h1:one=\nexample.org/A/x v1.0.0/go.mod h1:mod=\n\n\
                    example.org/a/x v1.0.0 h1:two=\nexample.org/y v2.0.0+incompatible h9:new\n";
        let locked = read(text).unwrap();
        let names: Vec<String> = locked.iter().map(|locked| locked.purl.to_string()).collect();
        assert_eq!(
            names,
            ["pkg:golang/example.org/y@v2.0.0%2Bincompatible", "pkg:golang/example.org/a/x@v1.0.0"]
        );
        let both = ["h1:one=", "h1:two="].map(|hash| LockedDigest::GoModule(hash.to_owned()));
        assert_eq!((locked[0].digests.len(), &locked[1].digests[..]), (0, &both[..]));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        assert_eq!(read("a v1 h1:x\nb v1\n").unwrap_err().line, Some(2));
        assert_eq!(read("a v1 h1:x\nb v1 h1:\u{1b}[2J\n").unwrap_err().line, Some(2));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), line in "[a-z@/! .:]{0,40}") {
            drop(read(&text));
            drop(read(&line));
        }
    }
}
