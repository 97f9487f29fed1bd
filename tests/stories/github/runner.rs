//! A runner of GitHub Actions, as far as a script sees it.

use crate::scene::{Node, Scene};
use pollux_tests::Finished;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A runner beside its node, with a home directory and a workspace in it.
pub(crate) struct Runner<'a> {
    scene: &'a Scene,
    pub(crate) node: Node,
    pub(crate) home: PathBuf,
}

/// What a run is, and a step's inputs: variables.
pub(crate) struct Run {
    variables: BTreeMap<String, String>,
    shell: &'static str,
}

/// A step that has ended.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) finished: Finished,
    pub(crate) summary: String,
    outputs: BTreeMap<String, String>,
}

impl Run {
    pub(crate) fn push(branch: &str) -> Self {
        let run = Self { variables: BTreeMap::new(), shell: "sh" };
        run.variable("GITHUB_REPOSITORY", "octo/hello")
            .variable("GITHUB_SERVER_URL", "https://github.example.org")
            .variable("GITHUB_RUN_ID", "4711")
            .variable("GITHUB_RUN_ATTEMPT", "1")
            .variable("GITHUB_EVENT_NAME", "push")
            .variable("GITHUB_REF", &format!("refs/heads/{branch}"))
            .variable("GITHUB_REF_NAME", branch)
            .variable("GITHUB_REF_TYPE", "branch")
            .variable("GITHUB_REF_PROTECTED", "true")
            .with("DEFAULT_BRANCH", "main")
            .path("~/.npm")
    }

    pub(crate) fn pull_request(head: &str, base: &str) -> Self {
        Self::push("7/merge")
            .variable("GITHUB_EVENT_NAME", "pull_request")
            .variable("GITHUB_REF", "refs/pull/7/merge")
            .variable("GITHUB_REF_PROTECTED", "false")
            .variable("GITHUB_HEAD_REF", head)
            .variable("GITHUB_BASE_REF", base)
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// An input.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.variable(&format!("INPUT_{name}"), value)
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.with("KEY", key)
    }

    pub(crate) fn path(self, path: &str) -> Self {
        self.with("PATH", path)
    }

    pub(crate) fn restore_keys(self, keys: &str) -> Self {
        self.with("RESTORE_KEYS", keys)
    }

    pub(crate) fn shell(self, shell: &'static str) -> Self {
        Self { shell, ..self }
    }
}

impl<'a> Runner<'a> {
    pub(crate) fn new(scene: &'a Scene, name: &str) -> Self {
        let home = scene.path(name).join("home");
        fs::create_dir_all(home.join("work/hello")).unwrap();
        fs::create_dir_all(scene.path(name).join("temp")).unwrap();
        Self { scene, node: scene.node(name), home }
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.home.join(".npm")
    }

    /// Fills the cache, as a job does.
    pub(crate) fn work(&self, label: &str) -> PathBuf {
        pollux_tests::sample_tree(&self.cache(), label).unwrap();
        self.cache()
    }

    /// A step that does not fail.
    pub(crate) fn restore(&self, run: &Run) -> Step {
        let step = self.try_restore(run);
        assert_eq!(step.finished.status, Some(0), "{step:?}");
        step
    }

    pub(crate) fn try_restore(&self, run: &Run) -> Step {
        self.step("restore", run)
    }

    /// A step that has the publisher's key, unless the run says otherwise, and does not fail.
    pub(crate) fn save(&self, run: &Run) -> Step {
        let step = self.step("save", run);
        assert_eq!(step.finished.status, Some(0), "{step:?}");
        assert!(step.outputs.is_empty(), "{step:?}");
        step
    }

    fn step(&self, verb: &str, run: &Run) -> Step {
        let own = self.home.parent().unwrap();
        let [output, summary] = ["output", "summary"].map(|name| own.join(name));
        for path in [&output, &summary] {
            fs::write(path, "").unwrap();
        }
        let mut command = Command::new(run.shell);
        command.arg(script()).arg(verb).current_dir(self.home.join("work/hello"));
        command.env_clear().env("PATH", self.paths()).env("HOME", &self.home).stdin(Stdio::null());
        command.env("POLLUX_SOCKET", &self.node.daemon.socket);
        command.env("GITHUB_WORKSPACE", self.home.join("work/hello")).env("RUNNER_TEMP", own.join("temp"));
        command.env("GITHUB_OUTPUT", &output).env("GITHUB_STEP_SUMMARY", &summary);
        if verb == "save" {
            command.env("POLLUX_SIGNING_KEY", fs::read_to_string(self.scene.pool.publisher()).unwrap());
        }
        command.envs(&run.variables);
        let finished = Finished::of(&mut command).unwrap();
        assert!(commands(&finished).all(|line| line.starts_with("::error::pollux: ")), "{finished:?}");
        let [output, summary] = [output, summary].map(|path| fs::read_to_string(path).unwrap());
        Step { finished, summary, outputs: read_outputs(&output) }
    }

    fn paths(&self) -> std::ffi::OsString {
        let programs = self.scene.pool.programs.pollux.parent().unwrap().to_owned();
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&paths))).unwrap()
    }
}

impl Step {
    /// One of the script's lines has all these words.
    pub(crate) fn says(&self, words: &[&str]) {
        let mut lines = self.finished.stdout.lines().filter(|line| line.starts_with("pollux: "));
        let told = lines.any(|line| words.iter().all(|word| line.contains(word)));
        assert!(told, "{words:?} is not in\n{}\n{}", self.finished.stdout, self.finished.stderr);
    }

    /// Names and values, in order of names.
    pub(crate) fn outputs(&self) -> Vec<(&str, &str)> {
        self.outputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// One of them; one that is not there is empty, as in an expression.
    pub(crate) fn output(&self, name: &str) -> String {
        self.outputs.get(name).cloned().unwrap_or_default()
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("client/ci/github/pollux-cache")
}

/// Lines that a runner takes for commands: `::` at their beginning, `##[` anywhere. A lone carriage return ends a line, too.
fn commands(finished: &Finished) -> impl Iterator<Item = &str> {
    let lines = [&finished.stdout, &finished.stderr].into_iter().flat_map(|text| text.split(['\n', '\r']));
    lines.filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
}

/// Reads an environment file as a runner does.
fn read_outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        if heredoc.is_some_and(|at| equals.is_none_or(|equals| at < equals)) {
            let (name, end) = line.split_once("<<").unwrap();
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else {
            let (name, value) = line.split_once('=').unwrap();
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}

pub(crate) fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Reads YAML, also GitLab's: `!reference` becomes the list that it names.
const READ_YAML: &str = "import json, sys, yaml
yaml.SafeLoader.add_constructor('!reference', lambda loader, node: {'reference': loader.construct_sequence(node)})
print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";

/// Whether this machine can read YAML; if not, it says that a story is skipped.
pub(crate) fn is_yaml(story: &str) -> bool {
    let tried = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    let is = tried.is_ok_and(|status| status.success());
    if !is {
        println!("{story}: skipped: no python3 with yaml on PATH");
    }
    is
}

pub(crate) fn yaml(path: &Path) -> Value {
    let read = Finished::of(Command::new("python3").args(["-c", READ_YAML]).arg(path)).unwrap();
    assert_eq!(read.status, Some(0), "{}", read.stderr);
    read.json()
}
