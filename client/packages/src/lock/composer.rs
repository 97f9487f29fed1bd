//! `composer.lock`: packages with the address of an archive, its SHA-1, mostly empty, and the commit that it was made of,
//! which is no digest of anything that a cache holds. Packages of directories (`path`) are left out. Source: Composer's `Locker`.

use super::{LockError, Locked, LockedDigest};
use crate::digest::{Algorithm, Digest};
use crate::purl::Purl;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lock {
    packages: Vec<Package>,
    #[serde(default)]
    packages_dev: Option<Vec<Package>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    dist: Option<Archive>,
}

#[derive(Deserialize)]
struct Archive {
    r#type: Option<String>,
    shasum: Option<String>,
}

/// The name of a package: the specification lowers it.
pub(crate) fn purl(package: &str, version: &str) -> Purl {
    let lower = package.to_ascii_lowercase();
    let (vendor, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    Purl::new("composer", name).namespace(vendor).version(version)
}

/// An address without user, password, query and fragment.
pub(crate) fn address(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = plain.split_once("://") else { return plain.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
}

/// Reads it.
pub(crate) fn read(text: &str) -> Result<Vec<Locked>, LockError> {
    let lock: Lock = serde_json::from_str(text)
        .map_err(|error| LockError::at(u64::try_from(error.line()).unwrap_or_default(), error.to_string()))?;
    let all = lock.packages.into_iter().chain(lock.packages_dev.unwrap_or_default());
    let is_directory = |dist: &Archive| dist.r#type.as_deref() == Some("path");
    let cached = all.filter(|package| !package.dist.as_ref().is_some_and(is_directory));
    let locked = cached.map(|package| {
        let shasum = package.dist.and_then(|dist| dist.shasum).unwrap_or_default();
        let digest = Digest::from_hex(Algorithm::Sha1, &shasum).map(LockedDigest::Artifact);
        Locked { purl: purl(&package.name, &package.version), digests: digest.into_iter().collect() }
    });
    Ok(locked.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packages_are_read_with_digests_where_there_are_any() {
        let digest = Digest::of(Algorithm::Sha1, b"x");
        let json = serde_json::json!({
            "packages": [{"name": "Acme/Log", "version": "v1.0.0", "dist": {"type": "zip", "shasum": digest.hex()}}],
            "packages-dev": [{"name": "acme/test", "version": "dev-main", "dist": {"reference": "abc", "shasum": ""}},
                             {"name": "acme/plain", "version": "1"},
                             {"name": "acme/beside", "version": "1", "dist": {"type": "path", "url": "../beside"}}],
        });
        let locked = read(&json.to_string()).unwrap();
        let names: Vec<String> = locked.iter().map(|locked| locked.purl.to_string()).collect();
        let expected =
            ["pkg:composer/acme/log@v1.0.0", "pkg:composer/acme/test@dev-main", "pkg:composer/acme/plain@1"];
        assert_eq!(names, expected);
        assert_eq!(locked[0].digests, [LockedDigest::Artifact(digest)]);
        assert!(locked[1].digests.is_empty() && locked[2].digests.is_empty());
        assert_eq!(read("{\n\"packages\": 7}").unwrap_err().line, Some(2));
    }

    #[test]
    fn addresses_have_no_secrets() {
        for (url, plain) in [
            ("https://u:p@x.example.org/a?b#c", "https://x.example.org/a"),
            ("https://x.example.org", "https://x.example.org"),
            ("../a#b", "../a"),
        ] {
            assert_eq!(address(url), plain);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop(read(&text));
            drop(address(&text));
        }
    }
}
