//! How package managers make inputs: fixed lists of packages, and for the second version the same lists with a few bumps.
//!
//! What the lists do not pin, what their packages depend on, is what a registry has that day; both versions are made of the
//! same day, so that they differ by the bumps.

use super::{Kind, Version, synthetic};
use crate::BenchError;
use crate::measure::{is_here, run};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A version in a list, and what takes its place in the second version.
type Bump = (&'static str, &'static str);

const NODE_MODULES: &str = include_str!("node_modules.json");
const NPM_CACHE: &str = include_str!("npm_cache.json");
const NPM_BUMPS: [Bump; 6] = [
    (r#""typescript": "5.4.5""#, r#""typescript": "5.5.2""#),
    (r#""core-js": "3.37.0""#, r#""core-js": "3.37.1""#),
    (r#""antd": "5.17.0""#, r#""antd": "5.17.4""#),
    (r#""webpack": "5.91.0""#, r#""webpack": "5.92.0""#),
    (r#""next": "14.2.3""#, r#""next": "14.2.4""#),
    (r#""eslint": "8.57.0""#, r#""eslint": "8.57.1""#),
];
const CRATES: &str = include_str!("crates.toml");
const CRATE_BUMPS: [Bump; 4] = [
    (r#"tokio = "=1.38.0""#, r#"tokio = "=1.38.1""#),
    (r#"regex = "=1.10.4""#, r#"regex = "=1.10.5""#),
    (r#"serde = "=1.0.203""#, r#"serde = "=1.0.204""#),
    (r#"image = "=0.25.1""#, r#"image = "=0.25.2""#),
];
const WHEELS: &str = include_str!("wheels.txt");
const WHEEL_BUMPS: [Bump; 3] = [
    ("numpy==2.1.3", "numpy==2.2.0"),
    ("polars==1.16.0", "polars==1.17.0"),
    ("boto3==1.35.71", "boto3==1.35.80"),
];

/// Makes one: the first into an empty directory, the second into a copy of the first.
pub(super) fn make(kind: Kind, version: Version, into: &Path) -> Result<(), BenchError> {
    let list = list(kind, version);
    match kind {
        Kind::NpmCache => npm_cache(&list, into),
        Kind::NodeModules => node_modules(&list, into),
        Kind::CargoHome => cargo_home(&list, into),
        Kind::Wheels => wheels(&list, into),
        Kind::Synthetic => Ok(synthetic::write(into, version)?),
    }
}

/// What a version is made from.
pub(super) fn list(kind: Kind, version: Version) -> String {
    let (text, bumps): (&str, &[Bump]) = match kind {
        Kind::NpmCache => (NPM_CACHE, &NPM_BUMPS),
        Kind::NodeModules => (NODE_MODULES, &NPM_BUMPS),
        Kind::CargoHome => (CRATES, &CRATE_BUMPS),
        Kind::Wheels => (WHEELS, &WHEEL_BUMPS),
        Kind::Synthetic => ("", &[]),
    };
    let bumps = if version == Version::Second { bumps } else { &[] };
    bumps.iter().fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
}

/// What npm keeps of what it downloads; not what it says meanwhile.
fn npm_cache(list: &str, into: &Path) -> Result<(), BenchError> {
    let project = project_beside(into)?;
    npm(list, project.path(), into)?;
    let logs = into.join("_logs");
    if logs.is_dir() { Ok(fs::remove_dir_all(logs)?) } else { Ok(()) }
}

fn node_modules(list: &str, into: &Path) -> Result<(), BenchError> {
    let project = project_beside(into)?;
    let installed = project.path().join("node_modules");
    fs::rename(into, &installed)?;
    npm(list, project.path(), &project.path().join("cache"))?;
    Ok(fs::rename(installed, into)?)
}

/// What packages would run while they are installed is none of our business here.
fn npm(list: &str, project: &Path, cache: &Path) -> Result<(), BenchError> {
    let mut npm = found("npm")?;
    fs::write(project.join("package.json"), list)?;
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]);
    npm.args(["--legacy-peer-deps", "--cache"]).arg(cache).current_dir(project);
    run(&mut npm)
}

/// Cargo fetches and unpacks; what the user has set up for cargo counts, and does not stay in the input.
fn cargo_home(list: &str, into: &Path) -> Result<(), BenchError> {
    let mut cargo = found("cargo")?;
    let project = project_beside(into)?;
    fs::write(project.path().join("Cargo.toml"), list)?;
    fs::write(project.path().join("lib.rs"), "")?;
    let own = std::env::var_os("CARGO_HOME").map(Into::into);
    let own = own.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).map(|home| home.join("config.toml"));
    let copied = into.join("config.toml");
    if let Some(own) = own.filter(|own| own.is_file()) {
        fs::copy(own, &copied)?;
    }
    cargo
        .args(["fetch", "--quiet", "--target", "x86_64-unknown-linux-gnu"])
        .env("CARGO_HOME", into)
        .current_dir(project.path());
    let fetched = run(&mut cargo);
    if copied.is_file() {
        fs::remove_file(copied)?;
    }
    fetched
}

fn wheels(list: &str, into: &Path) -> Result<(), BenchError> {
    let mut pip = found_any(&["pip", "pip3"])?;
    let project = project_beside(into)?;
    let wanted = project.path().join("wheels.txt");
    fs::write(&wanted, list)?;
    // Of what is bumped the old one goes.
    for (old, new) in WHEEL_BUMPS {
        let begin = old.replace("==", "-") + "-";
        for wheel in fs::read_dir(into)? {
            let wheel = wheel?;
            if list.contains(new) && wheel.file_name().to_string_lossy().starts_with(&begin) {
                fs::remove_file(wheel.path())?;
            }
        }
    }
    pip.args(["download", "--quiet", "--only-binary", ":all:", "--dest"])
        .arg(into)
        .arg("--requirement")
        .arg(wanted);
    run(&mut pip)
}

/// A program that makes inputs.
fn found(name: &str) -> Result<Command, BenchError> {
    found_any(&[name])
}

/// The first of these that is here.
fn found_any(names: &[&str]) -> Result<Command, BenchError> {
    if let Some(name) = names.iter().find(|name| is_here(name)) {
        return Ok(Command::new(name));
    }
    let why = "it is not here: install it, give a directory with --input, or take --make synthetic";
    Err(BenchError::step(format!("making this input with {}", names.join(" or ")), why))
}

/// A directory on the same file system, gone when it is dropped.
fn project_beside(into: &Path) -> Result<TempDir, BenchError> {
    let beside = into.parent().unwrap_or(into);
    Ok(tempfile::Builder::new().prefix("making-").tempdir_in(beside)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_version_differs_by_every_bump() {
        let bumps = [
            (Kind::NodeModules, NPM_BUMPS.len()),
            (Kind::NpmCache, NPM_BUMPS.len()),
            (Kind::CargoHome, CRATE_BUMPS.len()),
            (Kind::Wheels, WHEEL_BUMPS.len()),
        ];
        for (kind, count) in bumps {
            let [first, second] = [Version::First, Version::Second].map(|version| list(kind, version));
            let differ = first.lines().zip(second.lines()).filter(|(first, second)| first != second).count();
            assert_eq!(differ, count, "{kind:?}");
        }
    }
}
