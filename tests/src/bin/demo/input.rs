//! What is saved.

use crate::{DemoError, words};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a small input at most.
const SMALL_BYTES: u64 = 64 * 1024 * 1024;

/// The directory given, or cargo's registry; a part of it if it should be small.
pub(crate) fn prepare(given: Option<&Path>, small: bool, work: &Path) -> Result<PathBuf, DemoError> {
    let input = match given {
        Some(directory) => directory.to_owned(),
        None => cargo_registry()?,
    };
    if !input.is_dir() {
        return Err(DemoError::Input(format!("{} is no directory", input.display())));
    }
    if !small {
        return Ok(fs::canonicalize(input)?);
    }
    words::step(&format!("Copying the first {} of {}", words::size(SMALL_BYTES), input.display()));
    let part = work.join("input");
    let mut left = SMALL_BYTES;
    copy_some(&input, &part, &mut left)?;
    Ok(part)
}

fn cargo_registry() -> Result<PathBuf, DemoError> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    let registry = home.map(|home| home.join("registry")).filter(|registry| registry.is_dir());
    registry
        .ok_or_else(|| DemoError::Input("cargo has no registry here: name a directory to save".to_owned()))
}

/// Copies files in order of name until enough bytes are there.
fn copy_some(from: &Path, to: &Path, left: &mut u64) -> io::Result<()> {
    fs::create_dir(to)?;
    let mut names: Vec<_> =
        fs::read_dir(from)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let (source, target) = (from.join(&name), to.join(&name));
        let metadata = fs::symlink_metadata(&source)?;
        if metadata.is_dir() && *left > 0 {
            copy_some(&source, &target, left)?;
        } else if metadata.is_file() && metadata.len() <= *left {
            fs::copy(&source, &target)?;
            *left -= metadata.len();
        }
    }
    Ok(())
}
