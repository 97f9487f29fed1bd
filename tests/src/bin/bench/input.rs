//! What is saved: directories as package managers leave them, each in two versions, the second a few version bumps later.
//!
//! ```text
//! recipe     how package managers make them
//! synthetic  text files, for machines without a network
//! ```

mod recipe;
mod synthetic;

use crate::BenchError;
use crate::words::{say, step};
use clap::ValueEnum;
use std::fs;
use std::path::{Path, PathBuf};

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The cache that npm fills: 3,000 files that hardly compress
    NpmCache,
    /// 70,000 files, 1 GB: what npm installs for a fixed list of packages
    NodeModules,
    /// A cargo home with the registry's sources
    CargoHome,
    /// Wheels, as pip downloads them
    Wheels,
    /// 70,000 files of text that looks like sources, the same on every machine
    Synthetic,
}

/// A directory to save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// As tables name it.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) first: PathBuf,
    /// The same some days later.
    pub(crate) second: Option<PathBuf>,
    /// Where it is from, for the table.
    pub(crate) origin: String,
    /// The flags that choose it.
    pub(crate) flags: String,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    First,
    Second,
}

impl Kind {
    /// As flags and tables name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NpmCache => "npm-cache",
            Self::NodeModules => "node-modules",
            Self::CargoHome => "cargo-home",
            Self::Wheels => "wheels",
            Self::Synthetic => "synthetic",
        }
    }

    const fn origin(self) -> &'static str {
        match self {
            Self::NpmCache => "a cache that npm filled",
            Self::NodeModules => "a node_modules that npm installed",
            Self::CargoHome => "a cargo home after `cargo fetch`",
            Self::Wheels => "wheels that pip downloaded",
            Self::Synthetic => "a synthetic tree of text files",
        }
    }
}

impl Version {
    const fn name(self) -> &'static str {
        match self {
            Self::First => "1",
            Self::Second => "2",
        }
    }
}

impl Input {
    /// Directories that the user names.
    pub(crate) fn given(first: &Path, second: Option<&Path>) -> Result<Self, BenchError> {
        let (first, second) = (directory(first)?, second.map(directory).transpose()?);
        let next = second.as_ref().map_or_else(String::new, |next| format!(" --next {}", next.display()));
        Ok(Self {
            name: first.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            origin: format!("given: {}", first.display()),
            flags: format!("--input {}{next}", first.display()),
            first,
            second,
        })
    }

    /// Makes both versions below `made`, or takes what is there already.
    pub(crate) fn make(kind: Kind, made: &Path) -> Result<Self, BenchError> {
        fs::create_dir_all(made)?;
        let made = fs::canonicalize(made)?;
        let make = |version: Version| {
            once(&made.join(kind.name()), version, |into| {
                step(&format!("Making {}, version {} (some minutes)", kind.name(), version.name()));
                recipe::make(kind, version, into)
            })
        };
        let (first, second) = (make(Version::First)?, make(Version::Second)?);
        say(&format!("    {}: {} and {}", kind.name(), first.display(), second.display()));
        Ok(Self {
            name: kind.name().to_owned(),
            first,
            second: Some(second),
            // Who goes by times, as rsync does, compares every file of it anew.
            origin: format!("{} (version 2 made anew, not over 1: other times)", kind.origin()),
            flags: format!("--make {} --made {}", kind.name(), made.display()),
        })
    }
}

fn directory(path: &Path) -> Result<PathBuf, BenchError> {
    let found = fs::canonicalize(path)
        .map_err(|error| BenchError::step(format!("reading {}", path.display()), error))?;
    if found.is_dir() {
        Ok(found)
    } else {
        Err(BenchError::step("the input", format!("{} is no directory", found.display())))
    }
}

/// Makes `base/VERSION`, unless an earlier run has; what that left half made is made anew.
fn once(
    base: &Path,
    version: Version,
    make: impl FnOnce(&Path) -> Result<(), BenchError>,
) -> Result<PathBuf, BenchError> {
    let (into, done) = (base.join(version.name()), base.join(format!("{}.done", version.name())));
    if done.is_file() {
        return Ok(into);
    }
    if into.exists() {
        fs::remove_dir_all(&into)?;
    }
    fs::create_dir_all(&into)?;
    make(&into)?;
    fs::write(done, b"")?;
    Ok(into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_kept_and_what_was_half_made_is_made_anew() {
        let work = tempfile::tempdir().unwrap();
        let base = work.path().join("few");
        let failed = once(&base, Version::First, |into| {
            fs::write(into.join("half"), b"1")?;
            Err(BenchError::Interrupted)
        });
        assert!(failed.is_err());
        let made = once(&base, Version::First, |into| Ok(fs::write(into.join("whole"), b"1")?)).unwrap();
        assert!(made.join("whole").is_file() && !made.join("half").exists());
        let again = once(&base, Version::First, |_| Err(BenchError::Interrupted)).unwrap();
        assert_eq!(again, made);
        assert_ne!(once(&base, Version::Second, |_| Ok(())).unwrap(), made);
    }

    #[test]
    fn a_directory_that_is_given_must_be_there() {
        let work = tempfile::tempdir().unwrap();
        let input = Input::given(work.path(), Some(work.path())).unwrap();
        assert!(input.flags.starts_with("--input ") && input.flags.contains(" --next "));
        let refused = Input::given(&work.path().join("nothing"), None).unwrap_err();
        assert!(refused.to_string().contains("nothing"), "{refused}");
        fs::write(work.path().join("file"), b"").unwrap();
        assert!(Input::given(&work.path().join("file"), None).is_err());
    }
}
