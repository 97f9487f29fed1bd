//! Real package managers work offline from restored caches.

use crate::scene::{KEY, Scene};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program quietly; whether it succeeded, with what it said.
fn quietly(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&words).into_owned())
}

/// Says why a story is not told: no program, or no network.
fn skipped(story: &str, why: &str) {
    println!("{story}: skipped: {}", why.lines().last().unwrap_or_default());
}

fn npm(project: &Path, cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).arg("--cache").arg(cache).args(["--no-audit", "--no-fund", "--ignore-scripts"]);
    // Without the addresses in its lock file npm asks for every package's list of versions, cached or not.
    command.arg("--omit-lockfile-registry-resolved=false");
    command.current_dir(project);
    command
}

fn npm_project(scene: &Scene, name: &str) -> PathBuf {
    let project = scene.path(name);
    fs::create_dir(&project).unwrap();
    let text = r#"{"name":"story","version":"1.0.0","dependencies":{"is-odd":"3.0.1","semver":"7.6.3","uuid":"9.0.1"}}"#;
    fs::write(project.join("package.json"), text).unwrap();
    project
}

#[test]
fn npm_ci_works_offline_from_a_restored_cache() {
    let story = "npm_ci_works_offline_from_a_restored_cache";
    let scene = Scene::open();
    let first = npm_project(&scene, "first");
    let cache = scene.path("npm-cache");
    if let Err(why) = quietly(&mut npm(&first, &cache, &["install"])) {
        return skipped(story, &why);
    }
    let (a, b) = (scene.node("a"), scene.node("b"));
    scene.save(&a, &cache);
    let restored = scene.path("restored-cache");
    assert_eq!(b.pollux.restore(KEY, &restored, &[]).unwrap().result(), "hit");
    let second = npm_project(&scene, "second");
    fs::copy(first.join("package-lock.json"), second.join("package-lock.json")).unwrap();
    quietly(&mut npm(&second, &restored, &["ci", "--offline"])).unwrap();
    assert!(second.join("node_modules/is-odd/package.json").exists());
}

fn cargo(project: &Path, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(project).env("CARGO_HOME", home).env_remove("CARGO_TARGET_DIR");
    command
}

fn cargo_project(scene: &Scene) -> PathBuf {
    let project = scene.path("crate");
    fs::create_dir_all(project.join("src")).unwrap();
    let manifest = "[package]\nname = \"story\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[dependencies]\nitoa = \"1\"\n\n[workspace]\n";
    fs::write(project.join("Cargo.toml"), manifest).unwrap();
    fs::write(project.join("src/main.rs"), "fn main() { print!(\"{}\", itoa::Buffer::new().format(7)); }\n")
        .unwrap();
    project
}

/// This machine's own cargo settings (which registry, through which mirror) also hold in a home of the story's own.
fn cargo_home(scene: &Scene, name: &str) -> PathBuf {
    let home = scene.path(name);
    fs::create_dir(&home).unwrap();
    let own = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let own = own.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    if let Some(config) = own.map(|own| own.join("config.toml")).filter(|config| config.exists()) {
        fs::copy(config, home.join("config.toml")).unwrap();
    }
    home
}

#[test]
fn cargo_build_works_offline_from_a_restored_cache() {
    let story = "cargo_build_works_offline_from_a_restored_cache";
    let scene = Scene::open();
    let project = cargo_project(&scene);
    let home = cargo_home(&scene, "home");
    if let Err(why) = quietly(&mut cargo(&project, &home, &["fetch"])) {
        return skipped(story, &why);
    }
    let (a, b) = (scene.node("a"), scene.node("b"));
    let saved = a.pollux.save(KEY, &home, &scene.pool.publisher(), &["registry"]).unwrap();
    assert_eq!(saved.result(), "saved", "{saved:?}");
    let other = cargo_home(&scene, "other-home");
    let restored = b.pollux.restore(KEY, &other, &["--merge"]).unwrap();
    assert_eq!(restored.result(), "hit", "{restored:?}");
    quietly(&mut cargo(&project, &other, &["build", "--offline"])).unwrap();
    let ran = Command::new(project.join("target/debug/story")).output().unwrap();
    assert_eq!(ran.stdout, b"7");
}
