//! `Gemfile.lock` (`gems.locked`): gems of registries below `GEM` and `specs:`, and, since Bundler 2.5, their digests below
//! `CHECKSUMS`. Gems of repositories and directories (`GIT`, `PATH`) are no gems that a registry gave, and are left out.
//! Source: Bundler's `LockfileParser` and `LockfileGenerator`.

use super::{LockError, Locked, LockedDigest};
use crate::digest::{Algorithm, Digest};
use crate::purl::Purl;
use std::collections::BTreeMap;

/// The name of a gem; `ruby` is no platform.
pub(crate) fn purl(name: &str, version: &str, platform: &str) -> Purl {
    let platform = if platform == "ruby" { "" } else { platform };
    Purl::new("gem", name).version(version).qualifier("platform", platform)
}

/// Reads it. A gem for several platforms has the digests of all.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let mut found: BTreeMap<Purl, Vec<LockedDigest>> = BTreeMap::new();
    let (mut section, mut is_lock) = ("", false);
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>") {
            return Err(LockError::at(number, "a merge that was not finished"));
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        match (section, indent) {
            _ if line.trim().is_empty() => {}
            (_, 0) => {
                section = line.trim_end();
                is_lock |= matches!(section, "GEM" | "GIT" | "PATH" | "DEPENDENCIES");
            }
            ("GEM", 4) => drop(found.entry(gem(line, number)?.0).or_default()),
            ("CHECKSUMS", 2) => {
                let (gem, digests) = gem(line, number)?;
                // A gem of a repository is named here, too, without a digest.
                if let Some(known) = found.get_mut(&gem) {
                    known.extend(digests.split(',').filter_map(digest));
                }
            }
            _ => {}
        }
    }
    if !is_lock {
        return Err(LockError::whole("no section of a Gemfile.lock is in it"));
    }
    Ok(found.into_iter().map(|(purl, digests)| Locked { purl, digests }).collect())
}

/// `NAME (VERSION[-PLATFORM])`, and what follows.
fn gem(line: &str, number: u64) -> Result<(Purl, &str), LockError> {
    let wrong = || LockError::at(number, "not a gem's name and its version in parentheses");
    let (name, rest) = line.trim().split_once(" (").ok_or_else(wrong)?;
    let (version, rest) = rest.split_once(')').ok_or_else(wrong)?;
    let version = version.split_once('-').map_or(version, |(version, _)| version);
    Ok((purl(name, version, ""), rest))
}

/// `sha256=HEX`. An algorithm that is not known gives none.
fn digest(text: &str) -> Option<LockedDigest> {
    let (algorithm, hex) = text.trim().split_once('=')?;
    Digest::from_hex(Algorithm::named(algorithm)?, hex).map(LockedDigest::Artifact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gems_are_read_with_digests_of_all_platforms() {
        let hex = |text: &str| Digest::of(Algorithm::Sha256, text.as_bytes()).hex();
        let text = format!(
            "PATH\n  remote: .\n  specs:\n    mine (1.0)\n\nGIT\n  remote: https://git.example.org/x\n  specs:\n    x (1.0)\n\nGEM\n  remote: https://registry.example.org/\n  \
             specs:\n    a (1.0)\n      b (~> 2)\n    b (2.0-java)\n    b (2.0-x86_64-linux)\n\nPLATFORMS\n  java\n\n\
             DEPENDENCIES\n  a\n  x!\n\nCHECKSUMS\n  a (1.0)\n  b (2.0-java) sha256={}\n  \
             b (2.0-x86_64-linux) sha256={},sha9=00\n  mine (1.0)\n  x (1.0)\n\nBUNDLED WITH\n   2.5.3\n",
            hex("java"),
            hex("linux"),
        );
        let locked = read(&text).unwrap();
        let names: Vec<String> = locked.iter().map(|locked| locked.purl.to_string()).collect();
        assert_eq!(names, ["pkg:gem/a@1.0", "pkg:gem/b@2.0"]);
        let both = ["java", "linux"]
            .map(|text| LockedDigest::Artifact(Digest::of(Algorithm::Sha256, text.as_bytes())));
        assert_eq!((locked[0].digests.len(), &locked[1].digests[..]), (0, &both[..]));
    }

    #[test]
    fn what_is_no_lock_file_is_refused() {
        assert_eq!(read("GEM\n  specs:\n    a 1.0\n").unwrap_err().line, Some(3));
        assert_eq!(read("GEM\n<<<<<<< HEAD\n").unwrap_err().line, Some(2));
        assert!(read("source 'x'\n").is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>(), line in "[ ()a-z=,-]{0,30}") {
            drop(read(&text));
            drop(read(&format!("GEM\n    {line}\nCHECKSUMS\n  {line}\n")));
        }
    }
}
