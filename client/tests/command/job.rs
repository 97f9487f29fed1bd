//! What a job would use: `pollux key of` and `pollux presets`, under the variables of CI systems.

use crate::{pollux, told};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// The variables and files of a job, and no others.
struct Job {
    directory: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Job {
    fn new(variables: &[(&'static str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { directory: tempfile::tempdir().unwrap(), variables }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = pollux(arguments);
        let home = self.path().join("home");
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("HOME", home).current_dir(self.path()).output().unwrap()
    }

    fn key_of(&self, preset: &str, flags: &[&str]) -> Value {
        let arguments = [&["key", "of", preset, "--json"], flags].concat();
        let output = self.run(&arguments);
        assert!(output.status.success(), "{}", told(&output, self.path()));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn says(&self, arguments: &[&str]) -> String {
        told(&self.run(arguments), self.path())
    }
}

/// The segments before the platform, of the key and of what will do instead, each once.
fn names(named: &Value) -> Vec<String> {
    let fallbacks = named["fallbacks"].as_array().unwrap().iter();
    let keys = [&named["key"]].into_iter().chain(fallbacks).map(|key| key.as_str().unwrap());
    let three = |key: &str| key.split('/').take(3).collect::<Vec<_>>().join("/");
    let mut names: Vec<String> = Vec::new();
    for name in keys.map(three) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[test]
fn a_change_falls_back_to_where_it_goes_and_to_the_main_branch() {
    let mut job = Job::new(&[
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", "o/r"),
        ("GITHUB_REF_NAME", "12/merge"),
        ("GITHUB_HEAD_REF", "fix/it"),
        ("GITHUB_BASE_REF", "stable"),
        ("GITHUB_JOB", "unit"),
    ]);
    let without = job.key_of("npm", &[]);
    let expected = ["fix%2Fit", "stable", "main", "master"].map(|branch| format!("o%2Fr/{branch}/unit"));
    assert_eq!(names(&without), expected, "{without}");

    let event = job.file("event.json", "{\"number\":12,\"repository\":{\"default_branch\":\"trunk\"}}");
    job.variables.push(("GITHUB_EVENT_PATH", event.to_str().unwrap().to_owned()));
    let with = job.key_of("npm", &[]);
    let expected = ["fix%2Fit", "stable", "trunk"].map(|branch| format!("o%2Fr/{branch}/unit"));
    assert_eq!(names(&with), expected, "{with}");
    let flag = job.key_of("npm", &["--default-branch", "dev"]);
    assert!(names(&flag).contains(&"o%2Fr/dev/unit".to_owned()), "a flag goes over it: {flag}");
}

#[test]
fn a_file_on_an_event_that_is_none_tells_nothing() {
    let mut job = Job::new(&[("GITHUB_ACTIONS", "1"), ("GITHUB_REPOSITORY", "r"), ("GITHUB_REF_NAME", "b")]);
    let plain = job.key_of("npm", &[]);
    job.file("garbage", "{");
    fs::create_dir(job.path().join("directory")).unwrap();
    for path in ["missing", "garbage", "directory", "/dev/zero"] {
        job.variables.push(("GITHUB_EVENT_PATH", path.to_owned()));
        assert_eq!(job.key_of("npm", &[]), plain, "{path}");
    }
}

#[test]
fn what_a_key_is_made_of_is_said() {
    let job = Job::new(&[("GITLAB_CI", "true"), ("CI_PROJECT_PATH", "g/p"), ("CI_COMMIT_REF_NAME", "main")]);
    job.file("package-lock.json", "{\"lockfileVersion\":3,\"packages\":{}}");
    let named = job.key_of("npm", &["--job", "unit"]);
    let from = |name: &str| named["because"][name]["from"].as_str().unwrap().to_owned();
    assert_eq!((from("project"), from("job")), ("CI_PROJECT_PATH".to_owned(), "--job".to_owned()), "{named}");
    assert_eq!(named["lock_files"].as_array().unwrap().len(), 1, "{named}");
    let words = job.says(&["key", "of", "npm"]);
    for part in ["g/p (CI_PROJECT_PATH)", "package-lock.json", "or else"] {
        assert!(words.contains(part), "{part} in {words}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let job = Job::new(&[]);
    job.file("unknown.toml", "version = 1\n[preset.mine]\nkey = \"{project}/{brunch}\"\n");
    job.file("none.toml", "[preset.npm]\n");
    job.file("bad.toml", "version = 1\n[preset.npm]\nwhat = 1\n");
    insta::assert_snapshot!("unknown-preset", job.says(&["presets", "show", "nmp"]));
    insta::assert_snapshot!("unknown-project", job.says(&["key", "of", "npm"]));
    let place = ["--project", "p", "--branch", "b", "--presets"];
    let with = |file| job.says(&[&["key", "of", "npm"][..], &place, &[file]].concat());
    insta::assert_snapshot!("unknown-variable", with("unknown.toml"));
    insta::assert_snapshot!("unknown-setting", with("bad.toml"));
    insta::assert_snapshot!("no-version", with("none.toml"));
    insta::assert_snapshot!("no-presets", with("missing.toml"));
}

#[test]
fn presets_are_listed() {
    insta::assert_snapshot!("presets", Job::new(&[]).says(&["presets"]));
}

#[test]
fn a_preset_is_printed_as_a_file_that_is_read_again() {
    let job = Job::new(&[]);
    let printed = |flags: &[&str]| {
        let output = job.run(&[&["presets", "show", "gradle"][..], flags].concat());
        assert!(output.status.success(), "{}", told(&output, job.path()));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = printed(&["--toml"]);
    let mine = text.replace("bytes_max = 4000000000", "bytes_max = \"1.5 GiB\"");
    assert_ne!(mine, text);
    job.file("mine.toml", &mine);
    let again = printed(&["--toml", "--presets", "mine.toml"]);
    assert_eq!(again, text.replace("bytes_max = 4000000000", "bytes_max = 1610612736"));
    let both = job.run(&["presets", "show", "gradle", "--toml", "--json"]);
    assert_eq!(both.status.code(), Some(2));
}
