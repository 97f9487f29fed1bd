//! Packages of Python: their names, the names of their files, and what their archives say of themselves.
//!
//! After the packaging specifications (names, versions in file names, core metadata, the wheel format, `RECORD`).

pub(crate) mod archive;

use crate::purl::Purl;
use std::collections::BTreeSet;

/// Tags that the name of a wheel stands for, at most: the widest of real ones has some twenty.
pub(crate) const TAGS_MAX: usize = 256;
/// Bytes of a name, a version, a tag or a wheel's name at most: file systems have no longer names.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// A package, by the rule for names: lower case, and runs of `-`, `_` and `.` are one `-`.
pub(crate) fn purl(name: &str, version: &str) -> Purl {
    Purl::new("pypi", &normal(name)).version(version.trim())
}

fn normal(name: &str) -> String {
    let parts = name.trim().split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// Whether this may be the name of a package.
pub(crate) fn is_name(name: &str) -> bool {
    let is_edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    name.len() <= NAME_BYTES_MAX
        && is_edge(name.chars().next())
        && is_edge(name.chars().next_back())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

fn is_version(version: &str) -> bool {
    version.len() <= NAME_BYTES_MAX
        && version.starts_with(|first: char| first.is_ascii_digit() || first == 'v')
        && version.chars().all(|letter| letter.is_ascii_alphanumeric() || "._!+-".contains(letter))
}

/// Package and version that the name of a wheel or source archive tells.
pub(crate) fn purl_of_file(file: &str) -> Option<Purl> {
    let (name, version) = match file.strip_suffix(".whl") {
        Some(stem) => {
            let mut parts = stem.split('-');
            let named = (parts.next()?, parts.next()?);
            // Then a build number, perhaps, and three tags.
            (3..=4).contains(&parts.count()).then_some(named)?
        }
        None => {
            let endings = [".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz"];
            endings.iter().find_map(|ending| file.strip_suffix(ending))?.rsplit_once('-')?
        }
    };
    (is_name(name) && is_version(version)).then(|| purl(name, version))
}

/// All that the tags of a wheel's name stand for: `cp39.cp310-abi3-x` is `cp39-abi3-x` and `cp310-abi3-x`.
pub(crate) fn tags_of_wheel(file: &str) -> Option<BTreeSet<String>> {
    let mut parts = file.strip_suffix(".whl").filter(|file| file.len() <= NAME_BYTES_MAX)?.rsplit('-');
    let (platform, abi, python) = (parts.next()?, parts.next()?, parts.next()?);
    let mut tags = BTreeSet::new();
    for python in python.split('.') {
        for abi in abi.split('.') {
            tags.extend(
                platform.split('.').take(TAGS_MAX).map(|platform| format!("{python}-{abi}-{platform}")),
            );
            if tags.len() > TAGS_MAX {
                return None;
            }
        }
    }
    Some(tags)
}

/// Package and version that core metadata (`METADATA`, `PKG-INFO`) tells.
pub(crate) fn purl_of_metadata(text: &str) -> Option<Purl> {
    let (name, version) = (header(text, "Name")?, header(text, "Version")?);
    (is_name(name) && is_version(version)).then(|| purl(name, version))
}

/// The first header of a name.
pub(crate) fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    headers(text, name).next()
}

/// The headers of a name; they end at the first empty line.
pub(crate) fn headers<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().take_while(|line| !line.trim().is_empty());
    let pairs = lines.filter_map(|line| line.split_once(':'));
    pairs.filter(move |(named, _)| named.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_normal() {
        for name in ["Zope.Interface", "zope--interface", "ZOPE_.interface"] {
            assert_eq!(purl(name, "1").to_string(), "pkg:pypi/zope-interface@1");
        }
        assert!(is_name("a") && !is_name("") && !is_name("-a") && !is_name("a/b") && !is_name("é"));
    }

    #[test]
    fn files_tell_their_packages() {
        for (file, purl) in [
            ("Flask_Login-0.6.3-py3-none-any.whl", Some("pkg:pypi/flask-login@0.6.3")),
            ("a-1.0-2-cp39-abi3-linux_x86_64.whl", Some("pkg:pypi/a@1.0")),
            ("zope.interface-7.0.tar.gz", Some("pkg:pypi/zope-interface@7.0")),
            ("python-dateutil-2.9.0.post0.tar.gz", Some("pkg:pypi/python-dateutil@2.9.0.post0")),
            ("a-1.0.whl", None),
            ("../a-1.0.zip", None),
            ("readme.txt", None),
        ] {
            assert_eq!(purl_of_file(file).map(|purl| purl.to_string()).as_deref(), purl, "{file}");
        }
    }

    #[test]
    fn tags_of_a_wheel_are_all_combinations() {
        let tags = tags_of_wheel("six-1.17.0-py2.py3-none-any.whl").unwrap();
        assert_eq!(tags.into_iter().collect::<Vec<_>>(), ["py2-none-any", "py3-none-any"]);
        let many =
            vec!["x"; 100].iter().enumerate().map(|(n, x)| format!("{x}{n}")).collect::<Vec<_>>().join(".");
        assert_eq!(tags_of_wheel(&format!("a-1-{many}-{many}-{many}.whl")), None);
    }

    #[test]
    fn metadata_tells_its_package() {
        let text = "Metadata-Version: 2.1\r\nname: A_b\r\nVersion: 1.0+x\r\n\r\nVersion: 2\r\n";
        assert_eq!(purl_of_metadata(text).unwrap().to_string(), "pkg:pypi/a-b@1.0%2Bx");
        assert_eq!(purl_of_metadata("Name: a\n\nVersion: 1\n"), None, "that is the description");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop((purl_of_file(&text), tags_of_wheel(&text), purl_of_metadata(&text)));
        }
    }
}
