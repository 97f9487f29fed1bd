//! A pool beside a Zuul: what its executor gives Ansible, and what an instance is.

use crate::scene::{Node, Scene};
use pollux_tests::Finished;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The key that the roles make of a build's project, branch, job, platform and lock.
pub(crate) const NPM: &str = "review.example.org%2Fsome%2Fproject/main/unit/npm/platform/6b86b273ff34fce1";

/// The first of these programs on this machine, or in the variable.
fn ansible() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&paths).map(|directory| directory.join("ansible-playbook"));
    let named = std::env::var_os("POLLUX_ANSIBLE").map(PathBuf::from);
    named.into_iter().chain(on_path).find(|path| path.is_file())
}

/// A pool beside a Zuul.
pub(crate) struct Site {
    pub(crate) scene: Scene,
    ansible: PathBuf,
}

/// What Zuul says of one build, and what the job sets.
pub(crate) struct Build<'a> {
    /// Unique in a story: facts are cached by it.
    pub(crate) name: &'a str,
    pub(crate) pipeline: &'a str,
    pub(crate) success: bool,
    pub(crate) vars: Value,
}

impl Default for Build<'_> {
    fn default() -> Self {
        Self { name: "b1", pipeline: "post", success: true, vars: json!({}) }
    }
}

/// Opens a site, or says that the story is skipped.
pub(crate) fn open(story: &str) -> Option<Site> {
    let Some(ansible) = ansible() else {
        println!("{story}: skipped: no ansible-playbook on PATH, and POLLUX_ANSIBLE names none");
        return None;
    };
    let scene = Scene::open();
    fs::create_dir_all(scene.path("executor/tmp")).unwrap();
    let secret = fs::read_to_string(scene.pool.publisher()).unwrap();
    let secret = json!({ "pollux_publisher": { "signing_key": secret } }).to_string();
    fs::write(scene.path("executor/secret.json"), secret).unwrap();
    Some(Site { scene, ansible })
}

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

impl Site {
    /// The directory that stands for an instance, other than its node's.
    pub(crate) fn instance(&self, node: &Node) -> PathBuf {
        let runtime = node.daemon.socket.parent().unwrap();
        runtime.parent().unwrap().join("instance")
    }

    pub(crate) fn cache(&self, node: &Node) -> PathBuf {
        self.instance(node).join("home/.npm")
    }

    /// Fills an instance's cache, as its job does.
    pub(crate) fn work(&self, node: &Node, label: &str) -> PathBuf {
        let cache = self.cache(node);
        pollux_tests::sample_tree(&cache, label).unwrap();
        cache
    }

    fn inventory(&self, node: &Node, build: &Build<'_>) -> Value {
        let instance = self.instance(node);
        let zuul = json!({
            "project": { "canonical_name": "review.example.org/some/project", "name": "some/project" },
            "branch": "main", "ref": "refs/heads/main", "tenant": "tests", "job": "unit", "build": build.name,
            "pipeline": build.pipeline, "post_review": build.pipeline != "check", "newrev": "c0ffee",
        });
        let mut vars = json!({
            "zuul": zuul,
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "pollux_socket": node.daemon.socket,
            "pollux_state_dir": instance.join("state"),
            "pollux_log_dir": instance.join("logs"),
            "pollux_caches": [{ "name": "npm", "base": self.cache(node), "platform": "platform", "lock": "1" }],
        });
        let own = build.vars.as_object().unwrap().clone();
        vars.as_object_mut().unwrap().extend(own);
        let host = json!({ "ansible_connection": "local", "ansible_remote_tmp": instance.join("ansible") });
        json!({ "all": { "hosts": { "instance": host }, "vars": vars } })
    }

    /// Runs a playbook as Zuul does; the job goes on, whatever the roles met.
    pub(crate) fn play(&self, playbook: &str, node: &Node, build: &Build<'_>) -> Finished {
        let executor = self.scene.path("executor");
        fs::create_dir_all(self.instance(node).join("home")).unwrap();
        let inventory = executor.join(format!("{}.json", build.name));
        fs::write(&inventory, self.inventory(node, build).to_string()).unwrap();
        let success = if build.success { "zuul_success=True" } else { "zuul_success=False" };
        let mut command = Command::new(&self.ansible);
        command.arg("-vvv").arg("--inventory").arg(inventory).arg(repository(playbook));
        command.args(["--extra-vars", success, "--extra-vars"]).arg(secret_argument(&executor));
        self.environment(&mut command, build);
        let played = Finished::of(&mut command).unwrap();
        assert_eq!(played.status, Some(0), "{}\n{}", played.stdout, played.stderr);
        played
    }

    fn environment(&self, command: &mut Command, build: &Build<'_>) {
        let executor = self.scene.path("executor");
        let programs = self.scene.pool.programs.pollux.parent().unwrap().to_owned();
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&paths)));
        command
            .env("PATH", paths.unwrap())
            .env_remove("POLLUX_SOCKET")
            .env_remove("POLLUX_DISABLE")
            .env("TMPDIR", executor.join("tmp"))
            .env("ANSIBLE_HOME", executor.join("ansible"))
            .env("ANSIBLE_REMOTE_TEMP", executor.join("ansible/remote"))
            .env("ANSIBLE_ROLES_PATH", repository("client/ci/zuul/roles"))
            .env("ANSIBLE_CACHE_PLUGIN", "jsonfile")
            .env("ANSIBLE_CACHE_PLUGIN_CONNECTION", executor.join(format!("{}.facts", build.name)))
            .env("ANSIBLE_GATHERING", "smart")
            .env("ANSIBLE_NOCOLOR", "1");
    }

    pub(crate) fn pre(&self, node: &Node, build: &Build<'_>) -> Finished {
        self.play("client/ci/zuul/examples/playbooks/pollux/pre.yaml", node, build)
    }

    pub(crate) fn post(&self, node: &Node, build: &Build<'_>) -> Finished {
        self.play("client/ci/zuul/examples/playbooks/pollux/post.yaml", node, build)
    }
}

fn secret_argument(executor: &Path) -> OsString {
    let mut argument = OsString::from("@");
    argument.push(executor.join("secret.json"));
    argument
}

/// One of the roles' lines has all these words.
pub(crate) fn says(played: &Finished, words: &[&str]) {
    let lines = || played.stdout.lines().filter(|line| line.contains("\"msg\": \"pollux"));
    let told = lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(told, "{words:?} is not in\n{}", lines().collect::<Vec<_>>().join("\n"));
}
