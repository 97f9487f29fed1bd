//! What npm, Yarn and pnpm share: how packages are named, what a tarball's address tells, which digest counts.
//!
//! Names follow the purl specification's type `npm`: the scope is the namespace, both are lower case. Addresses follow
//! the registry's own: `…/@scope/name/-/name-1.0.0.tgz`.

use crate::digest::{Algorithm, Digest};
use crate::purl::Purl;
use percent_encoding::percent_decode_str;

/// Bytes of a name at most: the registry takes 214.
const NAME_BYTES_MAX: usize = 512;
/// Bytes of a version at most: semver's parser takes 256.
const VERSION_BYTES_MAX: usize = 512;

/// A package by `name` or `@scope/name`; an empty version is none. `None` for what is no such name.
pub(crate) fn purl(full_name: &str, version: &str) -> Option<Purl> {
    let (scope, name) = match full_name.split_once('/') {
        Some((scope, name)) if scope.starts_with('@') && scope.len() > 1 => (scope, name),
        Some(_) => return None,
        None => ("", full_name),
    };
    let is_short = full_name.len() <= NAME_BYTES_MAX && version.len() <= VERSION_BYTES_MAX;
    let is_name =
        !name.is_empty() && !name.starts_with('@') && !name.contains('/') && !matches!(name, "." | "..");
    let is_plain =
        !full_name.chars().chain(version.chars()).any(|letter| letter.is_control() || letter == ' ');
    let purl = || Purl::new("npm", &name.to_lowercase()).namespace(&scope.to_lowercase()).version(version);
    (is_short && is_name && is_plain).then(purl)
}

/// `name@rest` or `@scope/name@rest`, taken apart.
pub(crate) fn split_name(text: &str) -> Option<(&str, &str)> {
    let (at, _) = text.char_indices().skip(1).find(|(_, letter)| *letter == '@')?;
    let (name, rest) = text.split_at_checked(at)?;
    Some((name, rest.strip_prefix('@')?))
}

/// Digits of a locator's hash in the name of an archive of Yarn's.
pub(crate) const LOCATOR_DIGITS: usize = 10;

/// The digits by which Yarn 2 and later tell what exactly a package is: of the SHA-512 of (the SHA-512 of scope and name, and
/// what follows the name).
pub(crate) fn locator(full_name: &str, reference: &str) -> String {
    let ident =
        full_name.strip_prefix('@').map_or_else(|| full_name.to_owned(), |name| name.replacen('/', "", 1));
    let ident = Digest::of(Algorithm::Sha512, ident.as_bytes()).hex();
    let whole = Digest::of(Algorithm::Sha512, format!("{ident}{reference}").as_bytes()).hex();
    whole.chars().take(LOCATOR_DIGITS).collect()
}

/// The name that is most likely, of `@scope-name`: where more than a version follows it, nobody can tell.
pub(crate) fn likely_name(written: &str) -> String {
    if written.starts_with('@') { written.replacen('-', "/", 1) } else { written.to_owned() }
}

/// Whether a text looks like a version, and not like a tag, a range or an address.
pub(crate) fn is_version(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_digit()) && !text.contains([':', '/', ' '])
}

/// An address without user, password, query and fragment; `None` for what is no address.
pub(crate) fn source(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) =
        rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.map(|path| format!("/{path}")).unwrap_or_default();
    let whole = format!("{scheme}://{host}{path}");
    (!whole.chars().any(char::is_control)).then_some(whole)
}

/// The host of an address, with its port.
pub(crate) fn host(address: &str) -> Option<&str> {
    let authority = address.split_once("://")?.1.split(['/', '?', '#']).next()?;
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

/// Whether an address is one of a tarball, as far as it tells.
pub(crate) fn is_tarball(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.ends_with(".tgz") || path.ends_with(".tar.gz") || path.contains("/tar.gz/")
}

/// Name and version of the package whose tarball has this address: `…/@scope/name/-/name-1.0.0.tgz`, also with the scope
/// again before the file's name, as some registries have it.
pub(crate) fn of_tarball(address: &str) -> Option<(String, String)> {
    let path = address.split_once("://")?.1.split(['?', '#']).next()?;
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let (before, file) = path.rsplit_once("/-/")?;
    let mut segments = before.rsplit('/');
    let name = segments.next()?;
    let scope = segments.next().filter(|segment| segment.starts_with('@'));
    let file = file.rsplit('/').next()?;
    let stem = file.strip_suffix(".tgz").or_else(|| file.strip_suffix(".tar.gz"))?;
    let version = stem.strip_prefix(name)?.strip_prefix('-').filter(|version| is_version(version))?;
    let full_name = scope.map_or_else(|| name.to_owned(), |scope| format!("{scope}/{name}"));
    Some((full_name, version.to_owned()))
}

/// Those digests that are of the strongest algorithm among them: the others are not looked at by the programs.
pub(crate) fn strongest(digests: Vec<Digest>) -> Vec<Digest> {
    let best = digests.iter().map(Digest::algorithm).max();
    digests.into_iter().filter(|digest| Some(digest.algorithm()) == best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_purls_in_lower_case() {
        let text = |name, version| purl(name, version).map(|purl| purl.to_string());
        assert_eq!(text("JSONStream", "1.3.5").unwrap(), "pkg:npm/jsonstream@1.3.5");
        assert_eq!(text("@Babel/core", "7.0.0").unwrap(), "pkg:npm/%40babel/core@7.0.0");
        assert_eq!(text("x", "").unwrap(), "pkg:npm/x");
        for wrong in ["", "@", "@/x", "@s/", "a/b", "@s/a/b", "..", "@s/..", "a\nb", "a b"] {
            assert_eq!(text(wrong, "1"), None, "{wrong}");
        }
        assert_eq!(text(&"x".repeat(NAME_BYTES_MAX + 1), "1"), None);
    }

    #[test]
    fn addresses_lose_what_is_secret() {
        assert_eq!(
            source("https://me:word@registry.example.org:8/x/-/x-1.tgz?token=1#abc").unwrap(),
            "https://registry.example.org:8/x/-/x-1.tgz"
        );
        assert_eq!(source("https://me@registry.example.org").unwrap(), "https://registry.example.org");
        assert_eq!((source("x"), source("https://a/\u{7}")), (None, None));
        assert_eq!(host("https://me:word@registry.example.org:8/x"), Some("registry.example.org:8"));
    }

    #[test]
    fn a_tarballs_address_tells_the_package() {
        let told = |path: &str| of_tarball(&format!("https://registry.example.org/{path}"));
        let some = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(told("left-pad/-/left-pad-1.3.0.tgz"), some("left-pad", "1.3.0"));
        assert_eq!(told("npm/@babel/core/-/core-7.0.0-rc.1.tgz?x"), some("@babel/core", "7.0.0-rc.1"));
        assert_eq!(told("@babel%2fcore/-/core-7.0.0.tgz"), some("@babel/core", "7.0.0"));
        assert_eq!(told("@babel/core/-/@babel/core-7.0.0.tgz"), some("@babel/core", "7.0.0"));
        for untold in
            ["left-pad", "a/-/b-1.0.0.tgz", "a/-/a-b-1.tgz", "download/a/1.0.0/x", "a/-/a-1.0.0.zip"]
        {
            assert_eq!(told(untold), None, "{untold}");
        }
    }

    #[test]
    fn a_name_and_what_follows_are_taken_apart() {
        assert_eq!(split_name("@s/a@npm:^1@2"), Some(("@s/a", "npm:^1@2")));
        assert_eq!((split_name("@s/a"), split_name("")), (None, None));
    }

    #[test]
    fn a_locator_is_hashed_as_in_names_of_real_archives() {
        // `fsevents-patch-19706e7e35-…zip`
        let patch = "patch:fsevents@npm%3A2.3.2#optional!builtin<compat/fsevents>::version=2.3.2&hash=df0bf1";
        assert_eq!(locator("fsevents", patch), "19706e7e35");
        assert_eq!(locator("@a/b", "npm:1"), locator("ab", "npm:1"), "the ident has no slash");
        assert_eq!((likely_name("@a-b-c"), likely_name("a-b")), ("@a/b-c".to_owned(), "a-b".to_owned()));
    }

    #[test]
    fn the_strongest_digests_count() {
        let of = |algorithm| Digest::of(algorithm, b"x");
        let both = vec![of(Algorithm::Sha512), of(Algorithm::Sha1), of(Algorithm::Sha512)];
        assert_eq!(strongest(both), [of(Algorithm::Sha512), of(Algorithm::Sha512)]);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop((purl(&text, &text), split_name(&text).is_some(), source(&text), of_tarball(&text)));
            drop((source(&format!("a://{text}")), of_tarball(&format!("a://{text}/-/{text}.tgz"))));
        }
    }
}
