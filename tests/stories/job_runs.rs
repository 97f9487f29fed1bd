//! `pollux run`: real package managers with their caches, offline on the second node; and what it does when things are wrong.

use crate::job_programs::served;
use crate::job_registries::{refused_with_another_byte, with_another_byte};
use crate::scene::{Node, Scene};
use pollux_tests::Finished;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Variables of this machine that would move a cache out of the story.
const MOVED_BY: [&str; 15] = [
    "BUNDLE_PATH",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "COMPOSER_CACHE_DIR",
    "GOFLAGS",
    "GOMODCACHE",
    "GOPATH",
    "GRADLE_USER_HOME",
    "MAVEN_OPTS",
    "NPM_CONFIG_CACHE",
    "PIP_CACHE_DIR",
    "PNPM_STORE_DIR",
    "UV_CACHE_DIR",
    "YARN_CACHE_FOLDER",
    "npm_config_cache",
];

/// A job's machine: a home, and a project in it.
pub(crate) struct Machine<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) node: &'a Node,
    pub(crate) home: PathBuf,
    pub(crate) project: PathBuf,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(scene: &'a Scene, node: &'a Node, name: &str) -> Self {
        let home = scene.path(&format!("{name}-home"));
        let project = scene.path(&format!("{name}-project"));
        fs::create_dir_all(&home).unwrap();
        fs::create_dir_all(&project).unwrap();
        Self { scene, node, home, project }
    }

    fn report(&self) -> PathBuf {
        self.home.join("report.json")
    }

    /// `pollux run --cache PRESET FLAGS -- COMMAND`, in the project, with a home of its own.
    pub(crate) fn command(&self, preset: &str, flags: &[&str], command: &[&str]) -> Command {
        let report = self.report();
        let mut words: Vec<OsString> =
            ["run", "--project", "story", "--branch", "main", "--job", "unit", "--cache", preset]
                .map(Into::into)
                .into();
        words.extend(["--answer-timeout".into(), "10".into(), "--report".into(), report.into_os_string()]);
        words.extend(flags.iter().map(Into::into));
        words.push("--".into());
        words.extend(command.iter().map(Into::into));
        let words: Vec<&std::ffi::OsStr> = words.iter().map(OsString::as_os_str).collect();
        let mut made = self.node.pollux.command(&words);
        made.current_dir(&self.project).env("HOME", &self.home);
        for name in MOVED_BY {
            made.env_remove(name);
        }
        made
    }

    pub(crate) fn run(&self, preset: &str, flags: &[&str], command: &[&str]) -> Finished {
        Finished::of(&mut self.command(preset, flags, command)).unwrap()
    }

    /// The same with a publisher's key.
    pub(crate) fn run_trusted<W: AsRef<str>>(&self, preset: &str, command: &[W]) -> Finished {
        self.run_trusted_with(preset, &[], command)
    }

    pub(crate) fn run_trusted_with<W: AsRef<str>>(
        &self,
        preset: &str,
        flags: &[&str],
        command: &[W],
    ) -> Finished {
        let command: Vec<&str> = command.iter().map(AsRef::as_ref).collect();
        let mut made = self.command(preset, flags, &command);
        Finished::of(made.env("POLLUX_SIGNING_KEY", self.scene.pool.publisher())).unwrap()
    }

    /// What making a lock file left there would not be signed.
    pub(crate) fn forget(&self, directory: &str) {
        drop(fs::remove_dir_all(self.home.join(directory)));
    }

    pub(crate) fn told(&self, pointer: &str) -> Value {
        let text = fs::read_to_string(self.report()).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        report.pointer(pointer).cloned().unwrap_or_default()
    }
}

pub(crate) fn skipped(story: &str, why: &str) {
    // Programs say what went wrong before what follows from it.
    let error = why.lines().find(|line| line.to_ascii_lowercase().contains("error"));
    println!("{story}: skipped: {}", error.or(why.lines().last()).unwrap_or_default());
}

fn npm_project(machine: &Machine<'_>, dependencies: &str) {
    let text = format!(r#"{{"name":"story","version":"1.0.0","dependencies":{{{dependencies}}}}}"#);
    fs::write(machine.project.join("package.json"), text).unwrap();
}

const NPM_INSTALL: [&str; 6] = [
    "npm",
    "install",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--omit-lockfile-registry-resolved=false",
];
const NPM_CI: [&str; 6] = ["npm", "ci", "--offline", "--no-audit", "--no-fund", "--ignore-scripts"];

#[test]
fn npm_finds_on_another_node_what_a_trusted_job_fetched() {
    let story = "npm_finds_on_another_node_what_a_trusted_job_fetched";
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let first = Machine::new(&scene, &a, "first");
    npm_project(&first, r#""is-odd":"3.0.1","semver":"7.6.3""#);
    // The lock file makes the key, so it is there first.
    let mut lock = first.command("npm", &[], &[&NPM_INSTALL[..], &["--package-lock-only"]].concat());
    let locked = Finished::of(&mut lock).unwrap();
    if locked.status != Some(0) {
        return skipped(story, &locked.stderr);
    }
    first.forget(".npm");
    let ran = first.run_trusted("npm", &["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(first.told("/caches/0/saved/result"), "saved", "{ran:?}");
    let added = first.told("/caches/0/added").to_string();
    assert!(added.contains("pkg:npm/is-odd@3.0.1") && added.contains("pkg:npm/is-number@6.0.0"), "{added}");

    let second = Machine::new(&scene, &b, "second");
    for name in ["package.json", "package-lock.json"] {
        fs::copy(first.project.join(name), second.project.join(name)).unwrap();
    }
    let ran = second.run("npm", &[], &NPM_CI);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(second.told("/caches/0/restored/result"), "hit");
    assert_eq!(second.told("/caches/0/added"), Value::Array(Vec::new()));
    assert!(second.project.join("node_modules/is-odd/package.json").exists());
    assert!(second.told("/caches/0/saved").is_null(), "without a key nothing is tried");
    served(&second, "npm", &NPM_CI);

    who_brought_it(&b);
    what_changed(&b, second.told("/caches/0/key").as_str().unwrap());
    a_tampered_package_is_not_saved(&second);
}

fn what_changed(node: &Node, key: &str) {
    let told = node.pollux.run(&["diff", key, key, "--json"]).unwrap();
    assert_eq!(told.status, Some(0), "{told:?}");
    assert_eq!(told.json()["packages"]["added"], Value::Array(Vec::new()), "{told:?}");
    assert_eq!(told.json()["files"]["changed"], Value::Array(Vec::new()), "{told:?}");
}

fn who_brought_it(node: &Node) {
    let told = node.pollux.run(&["who", "pkg:npm/is-odd", "--json"]).unwrap();
    assert_eq!(told.text("/holders/0/packages/0/purl"), "pkg:npm/is-odd@3.0.1", "{told:?}");
    let nobody = node.pollux.run(&["who", "pkg:npm/left-pad", "--json"]).unwrap();
    assert_eq!(nobody.json()["holders"], Value::Array(Vec::new()), "{nobody:?}");
}

/// A content file with other bytes is found by the cache's own index, and refuses the save.
fn a_tampered_package_is_not_saved(machine: &Machine<'_>) {
    let content = machine.home.join(".npm/_cacache/content-v2/sha512");
    let victim =
        files_below(&content).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let tamper = with_another_byte(machine, &victim);
    assert!(Command::new(&tamper[0]).args(&tamper[1..]).status().unwrap().success());
    let looked = Finished::of(
        machine
            .node
            .pollux
            .command(&[
                "audit".as_ref(),
                "npm".as_ref(),
                "--json".as_ref(),
                machine.home.join(".npm").as_os_str(),
            ])
            .current_dir(&machine.project),
    );
    let looked = looked.unwrap();
    assert_eq!(looked.status, Some(8), "{looked:?}");
    assert_eq!(looked.json()["faults"].as_array().map(Vec::len), Some(1), "{looked:?}");
    let ran = machine.run_trusted("npm", &tamper);
    assert_eq!((ran.status, machine.told("/caches/0/saved/result")), (Some(0), "refused".into()), "{ran:?}");
    assert!(ran.stderr.contains("wrong: npm: "), "{ran:?}");
}

pub(crate) fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn cargo_builds_offline_on_another_node() {
    let story = "cargo_builds_offline_on_another_node";
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    for machine in [&first, &second] {
        cargo_project(machine);
        own_cargo_settings(machine);
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let locked = first.run("cargo", &[], &[&cargo, "generate-lockfile"]);
    if locked.status != Some(0) {
        return skipped(story, &locked.stderr);
    }
    fs::copy(first.project.join("Cargo.lock"), second.project.join("Cargo.lock")).unwrap();
    first.forget(".cargo/registry");
    let ran = first.run_trusted("cargo", &[&cargo, "fetch", "--locked"]);
    assert_eq!(first.told("/caches/0/saved/result"), "saved", "{ran:?}");
    served(&second, "cargo", &[&cargo, "build", "--offline", "--locked"]);
    let ran = Command::new(second.project.join("target/debug/story")).output().unwrap();
    assert_eq!(ran.stdout, b"7");
    refused_with_another_byte(&second, "cargo", ".cargo/registry/cache", ".crate");
}

pub(crate) fn cargo_project(machine: &Machine<'_>) {
    fs::create_dir_all(machine.project.join("src")).unwrap();
    let manifest = "[package]\nname = \"story\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\n[dependencies]\nitoa = \"1\"\n\n[workspace]\n";
    fs::write(machine.project.join("Cargo.toml"), manifest).unwrap();
    let main = "fn main() { print!(\"{}\", itoa::Buffer::new().format(7)); }\n";
    fs::write(machine.project.join("src/main.rs"), main).unwrap();
}

/// This machine's own cargo settings (which registry, through which mirror) and toolchain also hold in a home of the story's own.
pub(crate) fn own_cargo_settings(machine: &Machine<'_>) {
    let own = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let own = own.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
    fs::create_dir_all(machine.home.join(".cargo")).unwrap();
    if let Some(config) = own.map(|own| own.join("config.toml")).filter(|config| config.exists()) {
        fs::copy(config, machine.home.join(".cargo/config.toml")).unwrap();
    }
}

#[test]
fn the_command_runs_whatever_is_wrong_and_its_end_is_the_runs() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let missed =
        machine.run("npm", &[], &["sh", "-c", "test \"$npm_config_cache\" = \"$HOME/.npm\" && exit 7"]);
    assert_eq!(
        (missed.status, machine.told("/caches/0/restored/reason")),
        (Some(7), "nothing-saved".into()),
        "{missed:?}"
    );
    let signalled = machine.run("npm", &[], &["sh", "-c", "kill -TERM $$"]);
    assert_eq!(signalled.status, Some(143), "{signalled:?}");
    let absent = machine.run("npm", &[], &["no-such-program"]);
    assert_eq!(absent.status, Some(127), "{absent:?}");
    assert!(absent.stderr.contains("no-such-program"), "{absent:?}");
    let nowhere = machine.run("npm", &["--socket", "/nowhere/pollux.sock"], &["true"]);
    assert_eq!(
        (nowhere.status, machine.told("/caches/0/restored/result")),
        (Some(0), "miss".into()),
        "{nowhere:?}"
    );
    let disabled = Finished::of(machine.command("npm", &[], &["true"]).env("POLLUX_DISABLE", "1")).unwrap();
    assert_eq!((disabled.status, machine.told("/caches/0/restored/reason")), (Some(0), "disabled".into()));
}

#[test]
fn what_cannot_be_meant_is_refused_before_the_command() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let presets = scene.path("presets.toml");
    fs::write(&presets, "version = 1\n[preset.mine]\nbase = \"~/.npm/_cacache/x\"\n").unwrap();
    let mark = machine.project.join("ran");
    let touch = ["touch", mark.to_str().unwrap()];
    for (preset, flags, says) in [
        ("nmp", &[][..], "is `npm` meant?"),
        ("npm,mine,npm,", &["--presets", presets.to_str().unwrap()], "`npm` and `mine` both claim"),
        ("npm", &["--presets", "/nowhere.toml"], "/nowhere.toml"),
    ] {
        let refused = machine.run(preset, flags, &touch);
        assert_eq!(refused.status, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
    assert!(!mark.exists());
}

#[test]
fn a_path_of_a_preset_that_it_excludes_is_not_saved() {
    let scene = Scene::open();
    let (a, b) = (scene.node("a"), scene.node("b"));
    let (first, second) = (Machine::new(&scene, &a, "first"), Machine::new(&scene, &b, "second"));
    let presets = scene.path("presets.toml");
    let flags = ["--presets", presets.to_str().unwrap()];
    let fill = ["sh", "-c", "mkdir -p $HOME/mine/a $HOME/mine/b && touch $HOME/mine/a/x $HOME/mine/b/y"];
    for (exclude, end) in [("\"b\"", "saved"), ("\"a\", \"/b\"", "nothing")] {
        let mine = format!("base = \"~/mine\"\npaths = [\"a\", \"b\"]\nexclude = [{exclude}]\n");
        fs::write(&presets, format!("version = 1\n[preset.mine]\n{mine}")).unwrap();
        let mut made = first.command("mine", &flags, &fill);
        let ran = Finished::of(made.env("POLLUX_SIGNING_KEY", scene.pool.publisher())).unwrap();
        assert_eq!((ran.status, first.told("/caches/0/saved/result")), (Some(0), end.into()), "{ran:?}");
    }
    let ran = second.run("mine", &flags, &["true"]);
    assert_eq!(second.told("/caches/0/restored/result"), "hit", "{ran:?}");
    let there = ["a/x", "b"].map(|name| second.home.join("mine").join(name).exists());
    assert_eq!(there, [true, false]);
}

/// Two builds that end at the same time, each with a cache of its own making.
#[test]
fn of_two_saves_at_once_one_is_whole() {
    let scene = Scene::open();
    let (a, b, c) = (scene.node("a"), scene.node("b"), scene.node("c"));
    let machines = [Machine::new(&scene, &a, "left"), Machine::new(&scene, &b, "right")];
    let presets = scene.path("presets.toml");
    fs::write(&presets, "version = 1\n[preset.mine]\nbase = \"~/mine\"\n").unwrap();
    let flags = ["--presets", presets.to_str().unwrap()];
    let mark = |index: usize| scene.path(&format!("wrote-{index}"));
    let children: Vec<_> = (0..2)
        .map(|index| {
            let (own, other) = (mark(index), mark(1 - index));
            let script = format!(
                "mkdir -p $HOME/mine && for n in $(seq 200); do echo {index} > $HOME/mine/$n; done; echo {index} > $HOME/mine/only-{index}\n\
                 touch {}; until [ -e {} ]; do :; done",
                own.display(),
                other.display()
            );
            let mut made = machines[index].command("mine", &flags, &["sh", "-c", &script]);
            made.env("POLLUX_SIGNING_KEY", scene.pool.publisher()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let ends = machines.each_ref().map(|machine| machine.told("/caches/0/saved/result"));
    assert!(ends.iter().all(|end| end == "saved" || end == "lost-race"), "{ends:?}");
    assert!(ends.iter().any(|end| end == "saved"), "{ends:?}");
    let third = Machine::new(&scene, &c, "third");
    let ran = third.run("mine", &flags, &["true"]);
    assert_eq!(third.told("/caches/0/restored/result"), "hit", "{ran:?}");
    let mine = third.home.join("mine");
    let winner = fs::read_to_string(mine.join("1")).unwrap();
    assert!((1..=200).all(|n| fs::read_to_string(mine.join(n.to_string())).unwrap() == winner));
    let others: Vec<_> = fs::read_dir(&mine).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let only = format!("only-{}", winner.trim());
    assert_eq!(others.len(), 201, "{others:?}");
    assert!(mine.join(only).exists());
}

/// A shell's line that puts a jar with its digest where Maven would.
fn jar(name: &str) -> String {
    let directory = format!("$HOME/.m2/repository/org/example/{name}/1.0");
    format!(
        "mkdir -p {directory} && printf {name} > {directory}/{name}-1.0.jar && \
         printf %s \"$(printf {name} | sha1sum | cut -c1-40)\" > {directory}/{name}-1.0.jar.sha1"
    )
}

/// The same of one that only reads it.
fn read_jar(name: &str) -> String {
    format!("cat $HOME/.m2/repository/org/example/{name}/1.0/{name}-1.0.jar > /dev/null")
}

/// Saves of a preset, each by a machine of its own, that keep what was not used for one save.
fn saves<'a>(scene: &'a Scene, node: &'a Node, preset: &str, lines: [(&str, String); 3]) -> [Machine<'a>; 3] {
    let presets = scene.path("presets.toml");
    fs::write(&presets, format!("version = 1\n[preset.{preset}]\nprune.generations = 1\n")).unwrap();
    lines.map(|(name, line)| {
        let machine = Machine::new(scene, node, name);
        let flags = ["--presets", presets.to_str().unwrap()];
        let ran = machine.run_trusted_with(preset, &flags, &["sh", "-ec", &line]);
        assert_eq!(machine.told("/caches/0/saved/result"), "saved", "{ran:?}");
        machine
    })
}

#[test]
fn what_no_job_uses_goes_with_a_later_save() {
    let scene = Scene::open();
    let node = scene.node("a");
    let lines = [
        ("first", [jar("used"), jar("idle")].join(" && ")),
        ("second", [read_jar("used"), jar("new")].join(" && ")),
        ("third", [read_jar("used"), jar("newest")].join(" && ")),
    ];
    let machines = saves(&scene, &node, "maven", lines);
    if machines[1].told("/caches/0/used").is_null() {
        return skipped("what_no_job_uses_goes_with_a_later_save", "the file system keeps no access times");
    }
    assert_eq!(machines.each_ref().map(|machine| machine.told("/caches/0/saved/pruned")), [0, 0, 1]);
    assert_eq!(machines[1].told("/caches/0/restored/result"), "hit");
    let left = machines[2].home.join(".m2/repository/org/example");
    assert!(!left.join("idle/1.0/idle-1.0.jar").exists());
    assert!(
        ["used", "new", "newest"].iter().all(|name| left.join(format!("{name}/1.0/{name}-1.0.jar")).exists())
    );
}

#[test]
fn what_a_registry_answered_goes_too_when_no_job_uses_it() {
    let scene = Scene::open();
    let node = scene.node("a");
    let repo = "$HOME/.cache/composer/repo/registry";
    let provider = |name: &str| format!("echo '{{}}' > {repo}/provider-acme~{name}.json");
    let read = format!("cat {repo}/provider-acme~used.json > /dev/null");
    let archive = |name: &str| {
        let directory = format!("$HOME/.cache/composer/files/acme/{name}");
        format!("mkdir -p {directory} && echo {name} > {directory}/{name}.zip")
    };
    let lines = [
        (
            "first",
            [format!("mkdir -p {repo}"), provider("used"), provider("idle"), archive("a")].join(" && "),
        ),
        ("second", [read.clone(), archive("b")].join(" && ")),
        ("third", [read, archive("c")].join(" && ")),
    ];
    let machines = saves(&scene, &node, "composer", lines);
    if machines[1].told("/caches/0/used").is_null() {
        let story = "what_a_registry_answered_goes_too_when_no_job_uses_it";
        return skipped(story, "the file system keeps no access times");
    }
    assert_eq!(machines.each_ref().map(|machine| machine.told("/caches/0/saved/pruned_answers")), [0, 0, 1]);
    let left = machines[2].home.join(".cache/composer/repo/registry");
    assert!(!left.join("provider-acme~idle.json").exists() && left.join("provider-acme~used.json").exists());
}

#[test]
fn a_cache_that_costs_more_than_it_saves_is_told_and_left() {
    let scene = Scene::open();
    let node = scene.node("a");
    let first = Machine::new(&scene, &node, "first");
    let saved = first.run_trusted("maven", &["sh", "-ec", &jar("a")]);
    assert_eq!(first.told("/caches/0/saved/result"), "saved", "{saved:?}");
    for number in 0..3 {
        let machine = Machine::new(&scene, &node, &format!("job-{number}"));
        let ran = machine.run("maven", &[], &["true"]);
        if machine.told("/caches/0/used").is_null() {
            return skipped(
                "a_cache_that_costs_more_than_it_saves_is_told_and_left",
                "the file system keeps no access times",
            );
        }
        assert_eq!(ran.stderr.contains("not worth its while"), number == 2, "{ran:?}");
    }
    let last = Machine::new(&scene, &node, "last");
    let ran = last.run("maven", &["--adaptive"], &["true"]);
    assert_eq!(last.told("/caches/0/restored/reason"), "not-worth-it", "{ran:?}");
}

#[test]
fn a_lock_file_that_does_not_parse_is_named_and_the_lineage_will_do() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let key = "story/main/unit/npm";
    let named = Finished::of(&mut machine.command("npm", &[], &["true"])).unwrap();
    assert_eq!(named.status, Some(0), "{named:?}");
    let before = machine.told("/caches/0/key").as_str().unwrap().to_owned();
    assert!(before.starts_with(key), "{before}");
    let tree = scene.tree("npm");
    let saved = node.pollux.save(&before, &tree, &scene.pool.publisher(), &[]).unwrap();
    assert_eq!(saved.result(), "saved", "{saved:?}");
    fs::write(machine.project.join("package-lock.json"), "{\n  \"packages\": {\n").unwrap();
    let ran = machine.run("npm", &[], &["true"]);
    assert!(ran.stderr.contains("package-lock.json: line "), "{ran:?}");
    assert_eq!(
        (machine.told("/caches/0/restored/result"), machine.told("/caches/0/restored/by_fallback")),
        ("hit".into(), true.into())
    );
}

#[test]
fn two_saves_differ_in_what_changed_and_not_in_its_neighbours() {
    let scene = Scene::open();
    let node = scene.node("a");
    let tree = scene.path("tree");
    fs::create_dir(&tree).unwrap();
    let file = |name: &str, text: &str| fs::write(tree.join(name), text.repeat(400)).unwrap();
    (0..600).for_each(|number| file(&format!("f{number:03}"), &format!("{number:05} ")));
    let save = |key: &str| {
        let saved = node.pollux.save(key, &tree, &scene.pool.publisher(), &[]).unwrap();
        assert_eq!(saved.result(), "saved", "{saved:?}");
    };
    save("story/main/x/1");
    // All small files lie in chunks together: one more in front moves what follows.
    file("f0", "more of it ");
    file("f500", "other ");
    fs::remove_file(tree.join("f001")).unwrap();
    save("story/main/x/2");
    let told = node.pollux.run(&["diff", "story/main/x/1", "story/main/x/2", "--json"]).unwrap();
    let files = told.json()["files"].clone();
    let expected = serde_json::json!({"added": ["f0"], "changed": ["f500"], "removed": ["f001"]});
    assert_eq!(files, expected, "{told:?}");
}
