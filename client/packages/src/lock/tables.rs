//! Lock files that are TOML: reading them, with the line of what is wrong.

use super::LockError;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Reads a lock file of a program whose newest known version of the format is given.
///
/// Newer versions are read as far as they look the same; if they do not, the error names the version.
pub(super) fn read<T: DeserializeOwned>(text: &str, version_max: u64) -> Result<T, LockError> {
    toml::from_str(text).map_err(|error| match toml::from_str(text).ok().and_then(Versions::major) {
        Some(version) if version > version_max => {
            LockError::whole(format!("version {version} of the format, of which nothing is known"))
        }
        _ => at(text, &error),
    })
}

/// Where versions stand: at the top, or among the metadata.
#[derive(Deserialize)]
struct Versions {
    version: Option<Version>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "lock-version")]
    version: Option<Version>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Version {
    Number(u64),
    Text(String),
}

impl Versions {
    fn major(self) -> Option<u64> {
        match self.version.or_else(|| self.metadata?.version)? {
            Version::Number(version) => Some(version),
            Version::Text(version) => version.split('.').next()?.parse().ok(),
        }
    }
}

fn at(text: &str, error: &toml::de::Error) -> LockError {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| before.matches('\n').count() + 1);
    LockError { line: line.and_then(|line| u64::try_from(line).ok()), what: error.message().to_owned() }
}
