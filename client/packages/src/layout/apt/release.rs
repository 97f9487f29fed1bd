//! What a repository says that its lists are: `…_InRelease`, or `…_Release` where that is not signed.
//!
//! ```text
//! SHA256:
//!  HEX SIZE main/binary-amd64/Packages
//!  HEX SIZE main/binary-amd64/Packages.xz
//! ```
//!
//! The lists of `PREFIX_InRelease` are `PREFIX_` and such a path, with `/` as `_`. A list that was fetched compressed is kept
//! unpacked, or compressed in another way, so the digest is mostly that of what it unpacks to. Source: Debian's repository
//! format, apt's `URItoFileName`. Sizes are left out: a digest tells more.

use crate::digest::{Algorithm, Digest};
use percent_encoding::percent_decode_str;
use std::collections::{BTreeMap, BTreeSet};

/// What a repository says of its lists.
pub(super) struct Release<'a> {
    pub(super) path: &'a str,
    /// What the paths of its lists begin with.
    prefix: &'a str,
    /// By the paths that it has for them.
    lists: BTreeMap<String, BTreeSet<Digest>>,
}

/// A list as it is kept.
pub(super) struct Kept<'a> {
    pub(super) path: &'a str,
    /// What it is compressed by, as its name ends.
    pub(super) compression: &'a str,
    pub(super) stored: Digest,
    pub(super) unpacked: Digest,
}

/// What a release says of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Named,
    /// It names another.
    Other,
    Nothing,
}

impl<'a> Release<'a> {
    /// What comes before its name, if a path is of one.
    pub(super) fn prefix(path: &str) -> Option<&str> {
        let prefix = path.strip_suffix("InRelease").or_else(|| path.strip_suffix("Release"))?;
        Some(prefix).filter(|prefix| prefix.ends_with('_'))
    }

    /// `None` if it names no list with a digest that counts.
    pub(super) fn of(path: &'a str, prefix: &'a str, text: &str) -> Option<Self> {
        let (mut lists, mut counts) = (BTreeMap::<String, BTreeSet<Digest>>::new(), false);
        for line in text.lines() {
            if !line.starts_with(' ') {
                counts = line.trim_end().eq_ignore_ascii_case("SHA256:");
                continue;
            }
            let mut words = line.split_whitespace().filter(|_| counts);
            let (Some(hex), Some(_), Some(list)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let list = list.strip_prefix("./").unwrap_or(list);
            if let Some(digest) = Digest::from_hex(Algorithm::Sha256, hex).filter(|_| is_list(list)) {
                lists.entry(list.to_owned()).or_default().insert(digest);
            }
        }
        (!lists.is_empty()).then_some(Self { path, prefix, lists })
    }

    pub(super) fn says(&self, list: &Kept<'_>) -> Said {
        let Some(name) = list.path.strip_prefix(self.prefix) else { return Said::Nothing };
        let name = name.replace('_', "/");
        let name = percent_decode_str(&name).decode_utf8_lossy();
        let plain = name.strip_suffix(list.compression).unwrap_or(&name);
        let named = match (self.lists.get(plain), self.lists.get(name.as_ref())) {
            (Some(digests), _) => digests.contains(&list.unpacked),
            (None, Some(digests)) => digests.contains(&list.stored),
            (None, None) => return Said::Nothing,
        };
        if named { Said::Named } else { Said::Other }
    }
}

/// Of all that a release names only these are looked for.
fn is_list(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name == "Packages" || name.starts_with("Packages.")
}
