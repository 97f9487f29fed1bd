//! What is saved: directories as package managers leave them, each in two versions, the second a few version bumps later.
//!
//! ```text
//! recipe     how package managers make them
//! synthetic  text files, for machines without a network
//! ```

mod recipe;
mod synthetic;

use crate::BenchError;
use crate::measure::run;
use crate::words::{say, step};
use clap::ValueEnum;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
        let base = made.join(kind.name());
        let make = |version: Version| {
            once(&base, version, &recipe::list(kind, version), |into| {
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
            origin: format!("{} (version 2 made over a copy of 1)", kind.origin()),
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

/// Makes `base/VERSION` from a list, unless an earlier run has from the same; what that left half made is made anew. The second
/// begins as a copy of the first, so that what did not change keeps its times, and is made anew with it.
fn once(
    base: &Path,
    version: Version,
    list: &str,
    make: impl FnOnce(&Path) -> Result<(), BenchError>,
) -> Result<PathBuf, BenchError> {
    let done = |version: Version| base.join(format!("{}.done", version.name()));
    let into = base.join(version.name());
    if fs::read(done(version)).is_ok_and(|made_from| made_from == list.as_bytes()) {
        return Ok(into);
    }
    for version in [version, Version::Second] {
        if done(version).exists() {
            fs::remove_file(done(version))?;
        }
    }
    if into.exists() {
        fs::remove_dir_all(&into)?;
    }
    fs::create_dir_all(&into)?;
    if version == Version::Second {
        let first = base.join(Version::First.name()).join(".");
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(first).arg(&into))?;
    }
    make(&into)?;
    fs::write(done(version), list)?;
    Ok(into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_kept_and_what_was_half_made_is_made_anew() {
        let work = tempfile::tempdir().unwrap();
        let base = work.path().join("few");
        let failed = once(&base, Version::First, "a", |into| {
            fs::write(into.join("half"), b"1")?;
            Err(BenchError::Interrupted)
        });
        assert!(failed.is_err());
        let made = once(&base, Version::First, "a", |into| Ok(fs::write(into.join("whole"), b"1")?)).unwrap();
        assert!(made.join("whole").is_file() && !made.join("half").exists());
        let again = once(&base, Version::First, "a", |_| Err(BenchError::Interrupted)).unwrap();
        assert_eq!(again, made);
    }

    #[test]
    fn the_second_version_begins_as_the_first_and_is_made_anew_with_it() {
        let work = tempfile::tempdir().unwrap();
        let base = work.path().join("few");
        let made = |into: &Path| Ok(fs::write(into.join("file"), b"1")?);
        let modified = |at: &Path| fs::metadata(at.join("file")).unwrap().modified().unwrap();
        let first = once(&base, Version::First, "a", made).unwrap();
        let second = once(&base, Version::Second, "b", |_| Ok(())).unwrap();
        assert_ne!(first, second);
        assert_eq!(modified(&first), modified(&second));
        assert!(once(&base, Version::Second, "b", |_| Err(BenchError::Interrupted)).is_ok(), "it is there");
        once(&base, Version::First, "another list", made).unwrap();
        assert!(
            once(&base, Version::Second, "b", |_| Err(BenchError::Interrupted)).is_err(),
            "of another first"
        );
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
