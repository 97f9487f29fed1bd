//! Lock files that are TOML: reading them, with the line of what is wrong.

use super::LockError;
use serde::de::DeserializeOwned;

/// Reads a lock file of a program whose newest known version of the format is given.
///
/// Newer versions are read as far as they look the same; if they do not, the error names the version.
pub(super) fn read<T: DeserializeOwned>(text: &str, version_max: u64) -> Result<T, LockError> {
    let table: toml::Table = text.parse().map_err(|error| at(text, &error))?;
    let version = version(&table);
    toml::from_str(text).map_err(|error| match version {
        Some(version) if version > version_max => {
            LockError::whole(format!("version {version} of the format, of which nothing is known"))
        }
        _ => at(text, &error),
    })
}

/// At the top, or among the metadata.
fn version(table: &toml::Table) -> Option<u64> {
    let metadata = table.get("metadata").and_then(|metadata| metadata.get("lock-version"));
    match table.get("version").or(metadata)? {
        toml::Value::Integer(version) => u64::try_from(*version).ok(),
        toml::Value::String(version) => version.split('.').next()?.parse().ok(),
        toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => None,
    }
}

fn at(text: &str, error: &toml::de::Error) -> LockError {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| before.matches('\n').count() + 1);
    LockError { line: line.and_then(|line| u64::try_from(line).ok()), what: error.message().to_owned() }
}
