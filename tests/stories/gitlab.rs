//! The lines of the template for GitLab, run by a shell as a runner does: in one shell with the job's own before them or
//! behind them, and in another one after the job.

use crate::github::runner::{is_yaml, yaml};
use crate::scene::{Node, Scene, same};
use pollux_tests::Finished;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("client/ci/gitlab/pollux.gitlab-ci.yml")
}

/// The lines of shell in a hidden job.
fn lines_of(job: &str) -> String {
    let text = fs::read_to_string(template()).unwrap();
    let (_, rest) = text.split_once(&format!("\n{job}:\n")).unwrap();
    let mine = rest.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    let lines: Vec<&str> = mine.filter_map(|line| line.strip_prefix("      ")).collect();
    assert!(!lines.is_empty(), "{job}");
    lines.join("\n") + "\n"
}

/// A machine with a runner and a node, and the directory that a project is checked out into.
struct Machine<'a> {
    scene: &'a Scene,
    node: Node,
    project: PathBuf,
}

/// What GitLab says of a job, and what the job sets.
struct Job {
    variables: Vec<(String, String)>,
    shell: &'static [&'static str],
}

impl Job {
    fn push(branch: &str) -> Self {
        let job = Self { variables: Vec::new(), shell: &["sh", "-e"] };
        job.with("CI_PIPELINE_SOURCE", "push")
            .with("CI_COMMIT_BRANCH", branch)
            .with("CI_COMMIT_REF_NAME", branch)
            .with("CI_COMMIT_REF_PROTECTED", "true")
            .with("CI_JOB_STATUS", "success")
            .with("CI_JOB_ID", "1")
            .with("CI_PROJECT_PATH", "group/sub/project")
            .with("CI_DEFAULT_BRANCH", "main")
            .with("CI_SERVER_HOST", "gitlab.example.org")
            .with("POLLUX_KEY", "npm")
            .with("POLLUX_PATHS", ".npm")
    }

    fn merge_request(source: &str, target: &str) -> Self {
        Self::push(source)
            .with("CI_PIPELINE_SOURCE", "merge_request_event")
            .with("CI_COMMIT_BRANCH", "")
            .with("CI_COMMIT_REF_PROTECTED", "false")
            .with("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", source)
            .with("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", target)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl<'a> Machine<'a> {
    fn new(scene: &'a Scene, name: &str) -> Self {
        let project = scene.path(name).join("builds/project");
        fs::create_dir_all(&project).unwrap();
        fs::write(project.join("checked-out"), "").unwrap();
        Self { scene, node: scene.node(name), project }
    }

    /// The job goes on, whatever there is to restore.
    fn restore(&self, job: &Job) -> String {
        let words = self.run(".pollux-restore", "false || echo \"the job goes on in $PWD\"", job);
        assert!(words.contains(&format!("the job goes on in {}", self.project.display())), "{words}");
        words
    }

    fn save(&self, job: &Job) -> String {
        self.run(".pollux-save", "", job)
    }

    fn run(&self, hidden: &str, own: &str, job: &Job) -> String {
        let script = format!("{}{}{own}", lines_of(".pollux-functions"), lines_of(hidden));
        let secret = self.scene.path("secret");
        // GitLab leaves the mode of such a file to the machine.
        fs::write(&secret, fs::read(self.scene.pool.publisher()).unwrap()).unwrap();
        let programs = self.scene.pool.programs.pollux.parent().unwrap().display();
        let mut command = Command::new(job.shell[0]);
        command.args(&job.shell[1..]).arg("-c").arg(script).current_dir(&self.project).env_clear();
        command.env("PATH", format!("{programs}:/usr/bin:/bin")).env("HOME", self.project.parent().unwrap());
        command.env("POLLUX_SOCKET", &self.node.daemon.socket).env("CI_PROJECT_DIR", &self.project);
        command.env("POLLUX_SIGNING_KEY", &secret).stdin(Stdio::null());
        command.envs(job.variables.iter().map(|(name, value)| (name, value)));
        let ended = Finished::of(&mut command).unwrap();
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.stdout + &ended.stderr
    }

    fn cache(&self) -> PathBuf {
        self.project.join(".npm")
    }

    /// What restores have left for saves, beside the project.
    fn kept(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.project.with_extension("tmp")) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn saved(&self) -> Vec<String> {
        let listed = self.node.pollux.run(&["ls", "--json"]).unwrap().json();
        let rows = listed["rows"].as_array().unwrap().iter();
        rows.map(|row| row["key"].as_str().unwrap().to_owned()).collect()
    }
}

fn says(words: &str, expected: &[&str]) {
    assert!(expected.iter().all(|word| words.contains(word)), "{expected:?} is not in\n{words}");
}

#[test]
fn what_a_protected_branch_saves_is_a_hit_of_a_merge_request() {
    let scene = Scene::open();
    let (a, b) = (Machine::new(&scene, "a"), Machine::new(&scene, "b"));
    says(&a.restore(&Job::push("main")), &["miss (nothing-saved)"]);
    pollux_tests::sample_tree(&a.cache(), "tree").unwrap();
    // A job that changes what its key was made of saves under the key that it has asked for.
    let changed = Job::push("main").with("POLLUX_KEY", "changed");
    says(&a.save(&changed), &["saved: group%2Fsub%2Fproject/main/", "/npm (sequence 1"]);

    let asked = Job::merge_request("feature/x", "main").with("CI_DEFAULT_BRANCH", "trunk");
    says(&b.restore(&asked), &["miss (nothing-saved)", "hit: group%2Fsub%2Fproject/main/"]);
    says(&b.restore(&Job::push("other")), &["miss (nothing-saved)", "hit: group%2Fsub%2Fproject/main/"]);
    same(&a.cache(), &b.cache());
    assert!(b.project.join("checked-out").exists());
    let bash = Job { shell: &["bash", "-eo", "pipefail"], ..Job::push("main") };
    says(&b.restore(&bash), &["hit: "]);
    fs::write(b.cache().join("more"), "than before").unwrap();
    says(&b.save(&bash), &["saved: ", "(sequence 2"]);
    let manifest = a.node.pollux.run(&["show", "--json", &a.saved()[0]]).unwrap().json()["manifest"].clone();
    assert_eq!(manifest["ancestors"].as_array().map(Vec::len), Some(1), "{manifest}");
    assert_eq!(manifest["provenance"]["project"], "group/sub/project", "{manifest}");
    assert_eq!(manifest["provenance"]["ci"], "gitlab.example.org", "{manifest}");
}

#[test]
fn a_script_that_writes_another_key_saves_under_its_own() {
    let scene = Scene::open();
    let a = Machine::new(&scene, "a");
    let job = Job::push("main");
    a.restore(&job);
    pollux_tests::sample_tree(&a.cache(), "tree").unwrap();
    let kept = a.kept().into_iter().find(|name| name.ends_with(".key")).unwrap();
    fs::write(a.project.with_extension("tmp").join(kept), "group%2Fother/main/release\n").unwrap();
    says(&a.save(&job), &["saved: group%2Fsub%2Fproject/main/"]);
}

#[test]
fn fallbacks_are_beginnings_and_hostile_texts_are_names() {
    let scene = Scene::open();
    let a = Machine::new(&scene, "a");
    fs::create_dir(a.cache()).unwrap();
    // A fallback whose star became this name would be another one.
    fs::write(a.project.join("npm-other"), "").unwrap();
    let keys = ["npm-1", "..", "*", "a b\n--help\n'\"$(touch x)", "%0A", ".npm"];
    for (number, key) in keys.into_iter().enumerate() {
        let id = number.to_string();
        let job = || Job::push("main").with("POLLUX_KEY", key).with("CI_JOB_ID", &id);
        fs::write(a.cache().join("key"), key).unwrap();
        a.restore(&job());
        fs::write(a.cache().join("key"), key).unwrap();
        says(&a.save(&job()), &["saved: "]);
        says(&a.restore(&job()), &["hit: "]);
        assert_eq!(fs::read_to_string(a.cache().join("key")).unwrap(), key);
    }
    assert_eq!(a.saved().len(), keys.len(), "{:?}", a.saved());
    assert!(!a.project.join("x").exists());
    let found = |fallbacks: &str| {
        let job = Job::push("main").with("POLLUX_KEY", "another").with("POLLUX_FALLBACKS", fallbacks);
        a.restore(&job)
    };
    says(&found("none\nnpm-"), &["/npm-1 (", "by fallback"]);
    says(&found(".n"), &["/%2Enpm ("]);
    says(&found("pm-1"), &["miss (nothing-saved)"]);
}

#[test]
fn who_may_not_save_is_told_so_and_no_job_fails() {
    let scene = Scene::open();
    let a = Machine::new(&scene, "a");
    fs::create_dir(a.cache()).unwrap();
    let push = || Job::push("main");
    let refused = [
        (Job::merge_request("main", "main"), "no push to a branch"),
        // A merge request of a protected branch into another one may be given protected variables.
        (Job::merge_request("main", "main").with("CI_COMMIT_REF_PROTECTED", "true"), "no push to a branch"),
        (push().with("CI_PIPELINE_SOURCE", "trigger"), "no push to a branch"),
        (push().with("CI_COMMIT_BRANCH", ""), "no push to a branch"),
        (push().with("CI_COMMIT_REF_PROTECTED", "false"), "the branch is not protected"),
        (push().with("POLLUX_SIGNING_KEY", ""), "POLLUX_SIGNING_KEY is no file"),
        (push().with("CI_JOB_STATUS", "failed"), "the job failed"),
        (push().with("POLLUX_PATHS", "not-there\n"), "none of the paths is there"),
        (push().with("POLLUX_KEY", ""), "POLLUX_KEY and POLLUX_PATHS are needed"),
        (push().with("POLLUX_DISABLE", "1"), "POLLUX_DISABLE is set"),
        (push().with("POLLUX_SOCKET", "/nowhere"), "no node answers on /nowhere"),
        (push().with("PATH", "/usr/bin:/bin"), "there is no program pollux"),
        (push().with("POLLUX_KEY", &"k".repeat(300)), "more than the 256"),
    ];
    for (number, (job, reason)) in refused.into_iter().enumerate() {
        let job = job.with("CI_JOB_ID", &format!("none-{number}"));
        says(&a.save(&job), &[reason]);
        assert!(!a.restore(&job).contains("hit:"), "{reason}");
        assert_eq!(a.saved(), [""; 0], "{reason}");
    }
}

#[test]
fn what_a_restore_leaves_for_the_save_goes_with_it_however_the_save_ends() {
    let scene = Scene::open();
    let a = Machine::new(&scene, "a");
    let push = |id: &str| Job::push("main").with("CI_JOB_ID", id);
    pollux_tests::sample_tree(&a.cache(), "tree").unwrap();
    says(&a.save(&push("0")), &["saved: "]);
    let ends = [
        (push("1"), "unchanged: "),
        (push("2").with("CI_JOB_STATUS", "failed"), "the job failed"),
        (push("3").with("POLLUX_PATHS", "not-there"), "none of the paths is there"),
        (push("4").with("POLLUX_SOCKET", "/nowhere"), "no node answers on /nowhere"),
        (push("5").with("PATH", "/usr/bin:/bin"), "there is no program pollux"),
        (push("6").with("POLLUX_SIGNING_KEY", "/dev/null"), "POLLUX_SIGNING_KEY is no file"),
    ];
    for (number, (job, end)) in (1..).zip(ends) {
        says(&a.restore(&push(&number.to_string())), &["hit: "]);
        assert_eq!(a.kept(), [format!("pollux-{number}.json"), format!("pollux-{number}.key")], "{end}");
        says(&a.save(&job), &[end]);
        assert_eq!(a.kept(), [""; 0], "{end}");
    }
    // A job that has no save leaves them to the next one, which may be of a branch that never saves.
    says(&a.restore(&push("7")), &["hit: "]);
    says(&a.restore(&Job::merge_request("feature", "main").with("CI_JOB_ID", "8")), &["hit: "]);
    assert_eq!(a.kept(), [""; 0]);
}

#[test]
fn the_template_is_made_of_lines_that_are_tried_here() {
    if !is_yaml("the_template_is_made_of_lines_that_are_tried_here") {
        return;
    }
    let read = yaml(&template());
    let lines = |job: &str, part: &str, number: usize| read[job][part][number].as_str().unwrap().to_owned();
    assert_eq!(lines(".pollux-functions", "script", 0), lines_of(".pollux-functions"));
    for (job, part) in [(".pollux-restore", "before_script"), (".pollux-save", "after_script")] {
        assert_eq!(read[job][part][0]["reference"], serde_json::json!([".pollux-functions", "script"]));
        assert_eq!(lines(job, part, 1), lines_of(job));
        assert_eq!(read[".pollux"][part][0]["reference"], serde_json::json!([job, part]));
    }
}
