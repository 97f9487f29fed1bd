//! Where the programs under test are.

use std::path::{Path, PathBuf};
use std::process::Command;

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
    /// This process does not know where it is itself, or cannot start cargo.
    #[error("this program cannot tell where it is, or start cargo: {0}")]
    Lost(#[from] std::io::Error),
    /// Cargo has said why.
    #[error("the programs cannot be built; cargo says why above")]
    NotBuilt,
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

    /// Builds the programs in the running one's profile, where cargo put it.
    ///
    /// # Errors
    /// They cannot be built.
    pub fn build() -> Result<Self, ProgramsError> {
        let this = std::env::current_exe()?;
        let profile = this.parent().unwrap_or(Path::new("."));
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--locked", "--quiet"]);
        cargo.args(["--package", "pollux-client", "--package", "pollux-node"]);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        if let Some(target) = profile.parent() {
            cargo.env("CARGO_TARGET_DIR", target);
        }
        forget_this_package(&mut cargo);
        if !cargo.status()?.success() {
            return Err(ProgramsError::NotBuilt);
        }
        Self::in_directory(profile)
    }

    /// Those in a directory, or else built in the running one's profile; says so, as it may take minutes.
    ///
    /// # Errors
    /// A program that is not there, or they cannot be built.
    pub fn given_or_built(directory: Option<&Path>, say: impl FnOnce(&str)) -> Result<Self, ProgramsError> {
        if let Some(directory) = directory {
            return Self::in_directory(directory);
        }
        say("Building the two programs (once)");
        Self::build()
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

/// Cargo tells a program that it runs which package that is; build scripts that look at it would think that everything
/// has changed.
fn forget_this_package(cargo: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            cargo.env_remove(&name);
        }
    }
}
