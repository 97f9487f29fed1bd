//! Where the programs under test are.

use std::path::{Path, PathBuf};

/// The two programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// `pollux`
    pub pollux: PathBuf,
    /// `pollux-node`
    pub node: PathBuf,
}

/// A program is not built.
#[derive(Debug, thiserror::Error)]
pub enum ProgramsError {
    /// It is not where cargo puts it.
    #[error("{0} is not built: run `cargo build --workspace` (with --release for a release test) first")]
    Missing(PathBuf),
    /// This process does not know where it is itself.
    #[error("this program cannot tell where it is: {0}")]
    Lost(#[from] std::io::Error),
}

impl Programs {
    /// The programs that were built beside the running one, in the same profile.
    ///
    /// # Errors
    /// A program that is not built.
    pub fn beside_this_one() -> Result<Self, ProgramsError> {
        let this = std::env::current_exe()?;
        let directory = this.parent().unwrap_or(Path::new("."));
        let profile =
            if directory.ends_with("deps") { directory.parent().unwrap_or(directory) } else { directory };
        Self::in_directory(profile)
    }

    /// The programs in a directory.
    ///
    /// # Errors
    /// A program that is not there.
    pub fn in_directory(directory: &Path) -> Result<Self, ProgramsError> {
        let programs = Self { pollux: directory.join("pollux"), node: directory.join("pollux-node") };
        for program in [&programs.pollux, &programs.node] {
            if !program.is_file() {
                return Err(ProgramsError::Missing(program.clone()));
            }
        }
        Ok(programs)
    }
}
