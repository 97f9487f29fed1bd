//! The programs whose caches are read, by name.

use crate::files::Files;
use crate::layout;
use crate::reading::Reading;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// A program that keeps packages in a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// Python's installer.
    Pip,
    /// Another installer for Python.
    Uv,
    /// Node's package manager.
    Npm,
    /// Yarn, classic and later.
    Yarn,
    /// pnpm.
    Pnpm,
    /// PHP's.
    Composer,
    /// Ruby's.
    Bundler,
    /// Rust's.
    Cargo,
    /// Go's modules.
    Go,
    /// Maven.
    Maven,
    /// Gradle.
    Gradle,
    /// Debian's.
    Apt,
}

/// No program of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is known of the caches of `{0}`")]
pub struct NoProgram(pub String);

impl Program {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Pip,
        Self::Uv,
        Self::Npm,
        Self::Yarn,
        Self::Pnpm,
        Self::Composer,
        Self::Bundler,
        Self::Cargo,
        Self::Go,
        Self::Maven,
        Self::Gradle,
        Self::Apt,
    ];

    /// `npm`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Npm => "npm",
            Self::Yarn => "yarn",
            Self::Pnpm => "pnpm",
            Self::Composer => "composer",
            Self::Bundler => "bundler",
            Self::Cargo => "cargo",
            Self::Go => "go",
            Self::Maven => "maven",
            Self::Gradle => "gradle",
            Self::Apt => "apt",
        }
    }

    /// The type of the packages in its cache, as in their Package URL.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Pip | Self::Uv => "pypi",
            Self::Npm | Self::Yarn | Self::Pnpm => "npm",
            Self::Composer => "composer",
            Self::Bundler => "gem",
            Self::Cargo => "cargo",
            Self::Go => "golang",
            Self::Maven | Self::Gradle => "maven",
            Self::Apt => "deb",
        }
    }

    /// Reads a cache of this program: what it holds, and what must be true of that. Reads metadata only; see
    /// [`audit`](crate::audit) for the rest.
    #[must_use]
    pub fn read(self, files: &Files) -> Reading {
        let mut reading = self.read_any(files);
        let held = core::mem::take(&mut reading.packages);
        let (sound, odd) = held.into_iter().partition(|held| held.purl.is_sound());
        reading.packages = sound;
        for held in odd {
            let path = held.artifact.as_ref().or(held.files.first()).map_or("", String::as_str);
            reading.note(path, "it has a name that no package has");
            reading.checks.extend(held.checks);
        }
        reading
    }

    fn read_any(self, files: &Files) -> Reading {
        match self {
            Self::Pip => layout::pip::read(files),
            Self::Uv => layout::uv::read(files),
            Self::Npm => layout::npm::read(files),
            Self::Yarn => layout::yarn::read(files),
            Self::Pnpm => layout::pnpm::read(files),
            Self::Composer => layout::composer::read(files),
            Self::Bundler => layout::bundler::read(files),
            Self::Cargo => layout::cargo::read(files),
            Self::Go => layout::go::read(files),
            Self::Maven => layout::maven::read(files),
            Self::Gradle => layout::gradle::read(files),
            Self::Apt => layout::apt::read(files),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Program {
    type Err = NoProgram;

    fn from_str(text: &str) -> Result<Self, NoProgram> {
        Self::ALL.into_iter().find(|program| program.name() == text).ok_or_else(|| NoProgram(text.to_owned()))
    }
}
