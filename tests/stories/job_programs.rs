//! `pollux run --cache` with the other package managers: what a trusted job fetched from a registry serves a job on another
//! node after that registry is gone. A program that is not here, and cannot be had, is said to be skipped.

use crate::job_registries::refused_with_another_byte;
use crate::job_runs::{Machine, skipped};
use crate::scene::Scene;
use crate::site::{Site, sha256, wheel};
use pollux_tests::Finished;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program prints, or why it cannot.
pub(crate) fn said(program: impl AsRef<Path>, arguments: &[&str]) -> Result<String, String> {
    let program = program.as_ref();
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    let words =
        String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
    let words = words.trim().to_owned();
    if output.status.success() { Ok(words) } else { Err(words) }
}

/// The trusted job saved, and this package among the rest.
pub(crate) fn saved(machine: &Machine<'_>, ran: &Finished, purl: &str) {
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(machine.told("/caches/0/saved/result"), "saved", "{ran:?}");
    let added = machine.told("/caches/0/added");
    assert!(added.as_array().unwrap().iter().any(|one| one == purl), "{purl} is not in {added}");
}

/// A job on another machine does with what is restored, and a trusted one that needs no more saves nothing new.
pub(crate) fn served<W: AsRef<str>>(machine: &Machine<'_>, preset: &str, command: &[W]) {
    let command: Vec<&str> = command.iter().map(AsRef::as_ref).collect();
    let ran = machine.run(preset, &[], &command);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(machine.told("/caches/0/restored/result"), "hit", "{ran:?}");
    assert_eq!(machine.told("/caches/0/added").as_array().map(Vec::len), Some(0), "{ran:?}");
    let ran = machine.run_trusted(preset, &command);
    assert_eq!(machine.told("/caches/0/saved/result"), "unchanged", "{ran:?}");
}

/// The same files for both machines.
pub(crate) fn written(machines: [&Machine<'_>; 2], name: &str, text: &str) {
    for machine in machines {
        let path = machine.project.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn copied(from: &Machine<'_>, to: &Machine<'_>, name: &str) {
    fs::copy(from.project.join(name), to.project.join(name)).unwrap();
}

/// The interpreter itself: what stands in front of it may look at HOME.
fn python() -> Result<String, String> {
    let python = said("python3", &["-c", "import sys; print(sys.executable)"])?;
    said(&python, &["-m", "pip", "--version"]).map(|_| python)
}

const WHEEL: &str = "files/story_wheel-1.0-py3-none-any.whl";

#[test]
fn pip_installs_on_another_node_without_the_registry() {
    let story = "pip_installs_on_another_node_without_the_registry";
    let python = match python() {
        Ok(python) => python,
        Err(why) => return skipped(story, &why),
    };
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    let mut site = Site::open(scene.path("registry"));
    site.put(WHEEL, wheel());
    // The pages of an index pip asks for each time; an address of an archive it does not.
    let locked = format!("story-wheel @ {} --hash=sha256:{}\n", site.url(WHEEL), sha256(wheel()));
    written([&first, &second], "requirements.txt", &locked);
    let install = [
        &python,
        "-m",
        "pip",
        "install",
        "--trusted-host",
        "127.0.0.1",
        "--target",
        "out",
        "-r",
        "requirements.txt",
    ];
    saved(&first, &first.run_trusted("pip", &install), "pkg:pypi/story-wheel@1.0");
    site.close();
    served(&second, "pip", &install);
    assert!(second.project.join("out/story_wheel.py").exists());
    refused_with_another_byte(&second, "pip", ".cache/pip", "");
}

#[test]
fn uv_installs_on_another_node_without_the_registry() {
    let story = "uv_installs_on_another_node_without_the_registry";
    let scene = Scene::open();
    let uv = match python().and_then(|python| uv(&scene.path("uv"), &python)) {
        Ok(uv) => uv.display().to_string(),
        Err(why) => return skipped(story, &why),
    };
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    let mut site = Site::open(scene.path("registry"));
    site.put(WHEEL, wheel());
    let digest = sha256(wheel());
    site.put(
        "simple/story-wheel/index.html",
        format!("<a href=\"/{WHEEL}#sha256={digest}\">story_wheel-1.0-py3-none-any.whl</a>"),
    );
    written([&first, &second], "requirements.txt", &format!("story-wheel==1.0 --hash=sha256:{digest}\n"));
    let index = site.url("simple/");
    let install = [
        &uv,
        "pip",
        "install",
        "--target",
        "out",
        "--require-hashes",
        "--index-url",
        &index,
        "-r",
        "requirements.txt",
    ];
    saved(&first, &first.run_trusted("uv", &install), "pkg:pypi/story-wheel@1.0");
    site.close();
    served(&second, "uv", &[&install[..], &["--offline"]].concat());
    assert!(second.project.join("out/story_wheel.py").exists());
    refused_with_another_byte(&second, "uv", ".cache/uv", "/story_wheel.py");
}

/// uv, in an environment of the story's own.
fn uv(directory: &Path, python: &str) -> Result<PathBuf, String> {
    let place = directory.display().to_string();
    said(python, &["-m", "venv", &place])?;
    said(directory.join("bin/pip"), &["install", "--quiet", "uv"])?;
    Ok(directory.join("bin/uv"))
}

/// A program that npm has, in a directory of the story's own.
fn from_npm(scene: &Scene, package: &str, program: &str) -> Result<String, String> {
    let place = scene.path("tools");
    said("npm", &["install", "--prefix", &place.display().to_string(), "--no-audit", "--no-fund", package])?;
    Ok(place.join("node_modules/.bin").join(program).display().to_string())
}

const MANIFEST: &str = r#"{"name":"story","version":"1.0.0","dependencies":{"is-odd":"3.0.1"}}"#;

/// A program of Node's: it locks, a trusted job installs, another installs offline.
fn node_program(
    story: &str,
    preset: &str,
    package: &str,
    lock_file: &str,
    [lock, install, offline]: [&str; 3],
) {
    let scene = Scene::open();
    let program = match from_npm(&scene, package, preset) {
        Ok(program) => program,
        Err(why) => return skipped(story, &why),
    };
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    written([&first, &second], "package.json", MANIFEST);
    let run = |words: &str| ["sh".to_owned(), "-c".to_owned(), words.replace("PROGRAM", &program)];
    let locker = run(lock);
    let locked = first.run(preset, &[], &locker.each_ref().map(String::as_str));
    if locked.status != Some(0) {
        return skipped(story, &format!("{}{}", locked.stdout, locked.stderr));
    }
    drop(fs::remove_dir_all(first.project.join("node_modules")));
    copied(&first, &second, lock_file);
    drop(fs::remove_dir_all(&first.home));
    fs::create_dir_all(&first.home).unwrap();
    saved(
        &first,
        &first.run_trusted(preset, &run(install).each_ref().map(String::as_str)),
        "pkg:npm/is-odd@3.0.1",
    );
    served(&second, preset, &run(offline));
    let came = second.project.join("node_modules/is-odd/package.json").exists()
        || second.project.join(".pnp.cjs").exists();
    assert!(came);
}

#[test]
fn pnpm_9_installs_offline_on_another_node() {
    let story = "pnpm_9_installs_offline_on_another_node";
    let commands = [
        "PROGRAM install --lockfile-only",
        "PROGRAM install --frozen-lockfile",
        "PROGRAM install --frozen-lockfile --offline",
    ];
    node_program(story, "pnpm", "pnpm@9", "pnpm-lock.yaml", commands);
}

#[test]
fn pnpm_10_installs_offline_on_another_node() {
    let story = "pnpm_10_installs_offline_on_another_node";
    let commands = [
        "PROGRAM install --lockfile-only",
        "PROGRAM install --frozen-lockfile",
        "PROGRAM install --frozen-lockfile --offline",
    ];
    node_program(story, "pnpm", "pnpm@10", "pnpm-lock.yaml", commands);
}

#[test]
fn yarn_classic_installs_offline_on_another_node() {
    let story = "yarn_classic_installs_offline_on_another_node";
    let commands = [
        "PROGRAM install --non-interactive",
        "PROGRAM install --non-interactive --frozen-lockfile",
        "PROGRAM install --non-interactive --frozen-lockfile --offline",
    ];
    node_program(story, "yarn", "yarn@1.22", "yarn.lock", commands);
}

#[test]
fn yarn_4_installs_offline_on_another_node() {
    let story = "yarn_4_installs_offline_on_another_node";
    let commands = [
        "touch yarn.lock && PROGRAM install",
        "PROGRAM install --immutable",
        "YARN_ENABLE_NETWORK=false PROGRAM install --immutable",
    ];
    node_program(story, "yarn", "@yarnpkg/cli-dist@4", "yarn.lock", commands);
}
