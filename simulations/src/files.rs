//! Scenario files, and the traces beside them.

use pollux_sim::{READY, Scenario, TRACE_BYTES_MAX};
use std::cell::Cell;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path};

/// A scenario or a report has so many bytes at most: a report of the largest run has less than a hundredth of them.
pub(crate) const FILE_BYTES_MAX: u64 = 64 << 20;

/// All traces of a scenario together.
const TRACES_BYTES_MAX: u64 = 16 << 20;

/// A scenario by its name, or by its file's.
///
/// # Errors
/// What is wrong with the file, or with a trace that it names.
pub(crate) fn named(name: &str) -> Result<Scenario, String> {
    if READY.iter().any(|(known, _)| *known == name) {
        return Scenario::ready(name).map_err(|error| error.to_string());
    }
    let text = read(Path::new(name), FILE_BYTES_MAX).map_err(|error| {
        let names: Vec<&str> = READY.iter().map(|(name, _)| *name).collect();
        format!("{name}: {error}; it is none of those that come along either: {}", names.join(", "))
    })?;
    scenario(name, &text)
}

/// The scenario of a file with this text.
///
/// # Errors
/// As [`named`].
pub(crate) fn scenario(file: &str, text: &str) -> Result<Scenario, String> {
    let directory = Path::new(file).parent().unwrap_or_else(|| Path::new(""));
    let room = Cell::new(TRACES_BYTES_MAX);
    let beside = |trace: &str| {
        let text = read_beside(directory, Path::new(trace), TRACE_BYTES_MAX.min(room.get()))?;
        room.set(room.get().saturating_sub(text.len().try_into().unwrap_or(u64::MAX)));
        Ok(text)
    };
    Scenario::from_toml_beside(text, &beside).map_err(|error| format!("{file}: {error}"))
}

/// A trace below a scenario's directory: a scenario that somebody else wrote opens nothing else, and waits for nothing.
fn read_beside(directory: &Path, trace: &Path, bytes_max: u64) -> io::Result<String> {
    let is_below = trace.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_below {
        return Err(io::Error::other(
            "a trace is named by a path below the scenario's directory, without `..`",
        ));
    }
    let path = directory.join(trace);
    if fs::metadata(&path)?.is_file() {
        read(&path, bytes_max)
    } else {
        Err(io::Error::other("it is no file"))
    }
}

/// A text of so many bytes at most.
///
/// # Errors
/// Where it cannot be read, or has more.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<String> {
    #[expect(clippy::disallowed_types, reason = "the program has files, the library has none")]
    let file = fs::File::open(path)?;
    let mut text = String::new();
    let bytes = file.take(bytes_max + 1).read_to_string(&mut text)?;
    if u64::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max) {
        return Ok(text);
    }
    Err(io::Error::other(format!("it has more than {bytes_max} bytes")))
}
