//! What is saved.

mod synthetic;

use crate::words::{say, step};
use crate::{BenchError, measure};
use clap::ValueEnum;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What npm installs, fixed so that two machines measure nearly the same.
const PACKAGES: &str = include_str!("node_modules.json");
/// npm writes it when everything else is there.
const NPM_DONE: &str = ".package-lock.json";

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// 70,000 files, 1 GB: what npm installs for a fixed list of packages; synthetic where it cannot
    NodeModules,
    /// 70,000 files of text that looks like sources, the same on every machine
    Synthetic,
}

/// A directory to save.
#[derive(Debug)]
pub(crate) struct Input {
    /// Where it is.
    pub(crate) directory: PathBuf,
    /// Where it is from, for the table.
    pub(crate) origin: String,
}

impl Input {
    /// A directory that the user names.
    pub(crate) fn given(directory: &Path) -> Result<Self, BenchError> {
        let directory = fs::canonicalize(directory)
            .map_err(|error| BenchError::step(format!("reading {}", directory.display()), error))?;
        if !directory.is_dir() {
            return Err(BenchError::step("the input", format!("{} is no directory", directory.display())));
        }
        Ok(Self { origin: format!("given: {}", directory.display()), directory })
    }

    /// Makes one below `into`, or takes what is there already.
    pub(crate) fn make(source: Source, into: &Path) -> Result<Self, BenchError> {
        fs::create_dir_all(into)?;
        let into = fs::canonicalize(into)?;
        match source {
            Source::NodeModules => node_modules(&into),
            Source::Synthetic => synthetic_tree(&into),
        }
    }
}

fn node_modules(into: &Path) -> Result<Input, BenchError> {
    let directory = into.join("node_modules");
    if !directory.join(NPM_DONE).is_file() {
        step("Installing packages with npm (some minutes)");
        if let Err(why) = install(into) {
            say(&format!("    {why}\n    no npm or no network, so the input is synthetic"));
            return synthetic_tree(into);
        }
    }
    Ok(Input { directory, origin: "a node_modules that npm installed".to_owned() })
}

fn install(into: &Path) -> Result<(), BenchError> {
    fs::write(into.join("package.json"), PACKAGES)?;
    let cache = into.join("npm-cache");
    let mut npm = Command::new("npm");
    // What packages would run while they are installed is none of our business here.
    npm.args([
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--legacy-peer-deps",
    ]);
    npm.arg("--cache").arg(&cache).current_dir(into);
    let installed = measure::run(&mut npm);
    // Only the installed tree is measured.
    drop(fs::remove_dir_all(&cache));
    installed
}

fn synthetic_tree(into: &Path) -> Result<Input, BenchError> {
    let (directory, done) = (into.join("synthetic"), into.join("synthetic.done"));
    if !done.is_file() {
        step("Writing a synthetic tree");
        synthetic::write(&directory)?;
        fs::write(done, b"")?;
    }
    Ok(Input { directory, origin: "a synthetic tree of text files".to_owned() })
}
