//! `pollux run` where it may save: what it begins with, what it signs, and that nothing about a key keeps the command back.

use crate::job_runs::{Machine, skipped};
use crate::membership::with_policy;
use crate::scene::{Node, Scene};
use pollux_tests::{Finished, NodeOptions, Pool};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A preset of files that no reader knows.
const MINE: &str = "version = 1\n[preset.mine]\nbase = \"~/mine\"\nbytes_max = \"1MB\"\n";

fn presets(scene: &Scene, text: &str) -> PathBuf {
    let path = scene.path("presets.toml");
    fs::write(&path, text).unwrap();
    path
}

/// A run with a publisher's key.
fn trusted(machine: &Machine<'_>, presets: &Path, flags: &[&str], line: &str) -> Finished {
    let flags = [&["--presets", presets.to_str().unwrap()], flags].concat();
    machine.run_trusted_with("mine", &flags, &["sh", "-ec", line])
}

fn saved(machine: &Machine<'_>) -> String {
    machine.told("/caches/0/saved/result").as_str().unwrap_or("none").to_owned()
}

/// What another job restores.
fn restored(scene: &Scene, node: &Node, presets: &Path) -> Vec<String> {
    let machine = Machine::new(scene, node, "reader");
    drop(fs::remove_dir_all(machine.home.join("mine")));
    let ran = machine.run("mine", &["--presets", presets.to_str().unwrap()], &["true"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let Ok(entries) = fs::read_dir(machine.home.join("mine")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_lay_there_before_the_run_is_not_signed() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, MINE);
    let machine = Machine::new(&scene, &node, "job");
    let mine = machine.home.join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("left-behind"), "by an untrusted job").unwrap();

    let ran = trusted(&machine, &presets, &[], "echo 1 > $HOME/mine/made");
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "refused"), "{ran:?}");
    assert!(ran.stderr.contains("left-behind") && ran.stderr.contains("--adopt"), "{ran:?}");
    let ran = trusted(&machine, &presets, &["--require-save"], "true");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let failed = trusted(&machine, &presets, &["--require-save"], "exit 7");
    assert_eq!(failed.status, Some(7), "{failed:?}");
    assert_eq!(restored(&scene, &node, &presets), [""; 0]);

    fs::remove_dir_all(&mine).unwrap();
    let ran =
        trusted(&machine, &presets, &["--require-save"], "mkdir -p $HOME/mine; echo 1 > $HOME/mine/made");
    assert_eq!((saved(&machine).as_str(), machine.told("/caches/0/saved/sequence")), ("saved", 1.into()));
    assert!(ran.stderr.contains("save: saved, manifest ") && ran.stderr.contains(", sequence 1"), "{ran:?}");
    // From here on a run begins with what was signed, whatever lies there.
    fs::write(mine.join("left-behind"), "by an untrusted job").unwrap();
    fs::write(mine.join("made"), "changed by an untrusted job").unwrap();
    let ran = trusted(&machine, &presets, &[], "test ! -e $HOME/mine/left-behind; echo 2 > $HOME/mine/more");
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "saved"), "{ran:?}");
    assert_eq!(fs::read_to_string(mine.join("made")).unwrap(), "1\n");
    assert_eq!(restored(&scene, &node, &presets), ["made", "more"]);

    fs::write(mine.join("vouched"), "for").unwrap();
    let ran = trusted(&machine, &presets, &["--adopt"], "true");
    assert_eq!(saved(&machine), "saved", "{ran:?}");
    assert_eq!(restored(&scene, &node, &presets), ["made", "more", "vouched"]);
}

#[test]
fn at_the_generation_bound_a_home_begins_anew() {
    let one = |pool: &Pool| with_policy(pool, |policy| policy.generations_max = 1);
    let scene = Scene::with_pool(&NodeOptions::default(), one);
    let node = scene.node("a");
    let presets = presets(&scene, MINE);
    let machine = Machine::new(&scene, &node, "job");
    for (round, name) in ["first", "second"].into_iter().enumerate() {
        let line = format!("mkdir -p $HOME/mine; echo {round} > $HOME/mine/{name}");
        let ran = trusted(&machine, &presets, &[], &line);
        assert_eq!(saved(&machine), "saved", "{ran:?}");
    }
    assert_eq!(machine.told("/caches/0/restored/reason"), "generation-bound");
    assert_eq!(restored(&scene, &node, &presets), ["second"]);
}

#[test]
fn what_is_too_long_to_be_looked_at_is_refused_at_once() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, "version = 1\n[preset.npm]\nbytes_max = \"1MB\"\n");
    let machine = Machine::new(&scene, &node, "job");
    // A file of that length takes no room.
    let line = "mkdir -p $HOME/.npm/_cacache/content-v2/sha512/aa/bb; truncate -s 5M $HOME/.npm/_cacache/content-v2/sha512/aa/bb/c";
    let flags = ["--presets", presets.to_str().unwrap()];
    let ran = machine.run_trusted_with("npm", &flags, &["sh", "-ec", line]);
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "failed"), "{ran:?}");
    assert!(ran.stderr.contains("are not looked at"), "{ran:?}");
}

#[test]
fn a_statement_that_the_command_wrote_is_none() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, MINE);
    let machine = Machine::new(&scene, &node, "job");
    let out = scene.path("statements");
    let flags = ["--presets", presets.to_str().unwrap(), "--unsigned-out", out.to_str().unwrap()];
    // Nothing is there to be saved; of a preset without a plan there is no save at all.
    let planted = format!("mkdir -p {0}; echo 1 > {0}/mine.json; echo 1 > {0}/npm.json", out.display());
    fs::create_dir(machine.project.join("package-lock.json")).unwrap();
    let ran = machine.run("mine,npm", &flags, &["sh", "-ec", &planted]);
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "nothing"), "{ran:?}");
    assert!(!out.join("mine.json").exists() && !out.join("npm.json").exists());
}

#[test]
fn what_cannot_be_looked_at_before_the_run_is_not_signed() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, MINE);
    let machine = Machine::new(&scene, &node, "job");
    let deep = std::iter::repeat_n("d", 70).collect::<Vec<_>>().join("/");
    for (name, plant) in [
        ("link", "ln -s /etc/passwd $HOME/mine/link".to_owned()),
        ("deep", format!("mkdir -p $HOME/mine/{deep}; touch $HOME/mine/{deep}/x")),
    ] {
        let planted = machine.run("npm", &[], &["sh", "-ec", &format!("mkdir -p $HOME/mine; {plant}")]);
        assert_eq!(planted.status, Some(0), "{planted:?}");
        let ran = trusted(&machine, &presets, &[], "echo 1 > $HOME/mine/made");
        assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "refused"), "{name}: {ran:?}");
        fs::remove_dir_all(machine.home.join("mine")).unwrap();
    }
}

#[test]
fn variables_that_move_caches_onto_each_other_keep_no_command_back() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let mut made = machine.command("pip,uv", &[], &["true"]);
    let shared = machine.home.join("shared");
    let ran = Finished::of(made.env("PIP_CACHE_DIR", &shared).env("UV_CACHE_DIR", &shared)).unwrap();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("no cache: $") && ran.stderr.contains("another preset's cache"), "{ran:?}");
}

#[test]
fn who_must_save_fails_without_a_key_and_with_nothing_to_save() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, MINE);
    let machine = Machine::new(&scene, &node, "job");
    let ran = trusted(&machine, &presets, &["--require-save"], "true");
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(1), "nothing"), "{ran:?}");
    let flags = ["--presets", presets.to_str().unwrap(), "--require-save"];
    let ran = machine.run("mine", &flags, &["sh", "-ec", "mkdir -p $HOME/mine; echo 1 > $HOME/mine/made"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("POLLUX_SIGNING_KEY"), "{ran:?}");
    fs::remove_dir_all(machine.home.join("mine")).unwrap();
    let ran = trusted(&machine, &presets, &[], "exit 7");
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(7), "not-tried"), "{ran:?}");
}

#[test]
fn what_jobs_read_stays_also_where_a_home_outlives_them() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, "version = 1\n[preset.maven]\nprune.generations = 1\n");
    let machine = Machine::new(&scene, &node, "job");
    let artifact = |name: &str| format!("$HOME/.m2/repository/org/example/{name}/1/{name}-1.jar");
    let make = |name: &str| {
        let path = artifact(name);
        format!(
            "mkdir -p $(dirname {path}) && echo {name} > {path} && printf %s $(sha1sum < {path} | cut -c1-40) > {path}.sha1"
        )
    };
    for round in 0..5 {
        let read = if round == 0 { make("used") } else { format!("cat {} > /dev/null", artifact("used")) };
        let line = [read, make(&format!("new-{round}"))].join(" && ");
        // Without a key the directory stays as the job before left it; with one it is restored anew.
        let flags = ["--presets", presets.to_str().unwrap()];
        let ran = machine.run_trusted_with("maven", &flags, &["sh", "-ec", &line]);
        assert_eq!(saved(&machine), "saved", "{ran:?}");
        if round > 0 && machine.told("/caches/0/used").is_null() {
            let story = "what_jobs_read_stays_also_where_a_home_outlives_them";
            return skipped(story, "the file system keeps no access times");
        }
    }
    assert!(machine.home.join(".m2/repository/org/example/used/1/used-1.jar").exists());
    assert!(!machine.home.join(".m2/repository/org/example/new-0/1/new-0-1.jar").exists());
    // A job that saves nothing finds the files there, and its reads are seen.
    for _ in 0..2 {
        let line = format!("cat {} > /dev/null", artifact("used"));
        let ran = machine.run("maven", &["--presets", presets.to_str().unwrap()], &["sh", "-ec", &line]);
        assert_eq!(machine.told("/caches/0/used/packages"), 1, "{ran:?}");
    }
}

#[test]
fn a_change_that_is_not_merged_saves_nothing() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, MINE);
    let machine = Machine::new(&scene, &node, "job");
    let make = "mkdir -p $HOME/mine; echo x > $HOME/mine/x";
    let ran = trusted(&machine, &presets, &["--base-branch", "main"], make);
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "refused"), "{ran:?}");
    assert!(ran.stderr.contains("not merged"), "{ran:?}");
    machine.forget("mine");
    trusted(&machine, &presets, &["--base-branch", "main", "--save-changes"], make);
    assert_eq!(saved(&machine), "saved");
}

/// What a job leaves running waits for the list of packages, which is written after the audit.
#[test]
fn what_changes_after_the_audit_is_not_signed() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let directory = "$HOME/.m2/repository/org/example/a/1";
    let line = format!(
        "mkdir -p {directory} $HOME/evil && echo good > {directory}/a-1.jar && printf %s $(sha1sum < {directory}/a-1.jar | cut -c1-40) > {directory}/a-1.jar.sha1\n\
         echo evil > $HOME/evil/a-1.jar && cp {directory}/a-1.jar.sha1 $HOME/evil/\n\
         (exec > /dev/null 2>&1; until [ -e $HOME/.m2/repository/.pollux-packages.json.pollux-new -o -e $HOME/.m2/repository/.pollux-packages.json ]; do :; done; mv {directory} $HOME/good; mv $HOME/evil {directory}) &"
    );
    let ran = machine.run_trusted("maven", &["sh", "-ec", &line]);
    let end = saved(&machine);
    // Who is faster is not known; what is signed is.
    if end == "saved" {
        let reader = Machine::new(&scene, &node, "reader");
        reader.run("maven", &[], &["true"]);
        let jar = reader.home.join(".m2/repository/org/example/a/1/a-1.jar");
        // Moved away in that moment, it is not there at all.
        assert_ne!(fs::read_to_string(jar).unwrap_or_default(), "evil\n", "{ran:?}");
    } else {
        assert!(ran.stderr.contains("is not what was audited"), "{ran:?}");
    }
}

#[test]
fn a_statement_of_an_earlier_run_is_not_taken_for_this_ones() {
    let scene = Scene::open();
    let node = scene.node("a");
    let presets = presets(&scene, MINE);
    let machine = Machine::new(&scene, &node, "job");
    let statements = scene.path("statements");
    let run = |line: &str| {
        let (presets, statements) = (presets.to_str().unwrap(), statements.to_str().unwrap());
        machine.run("mine", &["--presets", presets, "--unsigned-out", statements], &["sh", "-ec", line])
    };
    let ran = run("mkdir -p $HOME/mine; echo x > $HOME/mine/x");
    assert_eq!(saved(&machine), "unsigned", "{ran:?}");
    assert!(statements.join("mine.json").exists());
    let ran = run("exit 1");
    assert_eq!((ran.status, statements.join("mine.json").exists()), (Some(1), false), "{ran:?}");
}

#[test]
fn nothing_outside_of_a_cache_is_dropped() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let outside = machine.home.join("outside/org/example/a/1");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("work.part"), "precious").unwrap();
    let base = "mkdir -p $HOME/.m2 && ln -s $HOME/outside $HOME/.m2/repository";
    let below = "mkdir -p $HOME/.m2/repository && ln -s $HOME/outside/org $HOME/.m2/repository/org";
    for line in [base, below] {
        let ran = machine.run_trusted("maven", &["sh", "-ec", line]);
        assert_ne!(saved(&machine), "saved", "{ran:?}");
        assert!(outside.join("work.part").exists(), "{line}");
        assert!(!machine.home.join("outside/.pollux-packages.json").exists(), "{ran:?}");
        machine.forget(".m2");
    }
}

#[test]
fn a_lock_file_that_cannot_be_read_refuses_the_save() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    fs::write(machine.project.join("package-lock.json"), "{").unwrap();
    let ran = machine.run_trusted("npm", &["true"]);
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "refused"), "{ran:?}");
    assert!(ran.stderr.contains("package-lock.json: line 1"), "{ran:?}");
}

#[test]
fn what_is_refused_stays_as_it_is() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let directory = "$HOME/.m2/repository/org/example";
    // One whose digest is wrong, and a leftover that would be dropped.
    let line = format!(
        "mkdir -p {directory}/bad/1 && echo x > {directory}/bad/1/bad-1.jar && echo 0000000000000000000000000000000000000000 > {directory}/bad/1/bad-1.jar.sha1\n\
         mkdir -p {directory}/half/1 && echo x > {directory}/half/1/half-1.jar.part"
    );
    let ran = machine.run_trusted("maven", &["sh", "-ec", &line]);
    assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), "refused"), "{ran:?}");
    assert_eq!(machine.told("/caches/0/saved/dropped").as_array().map(Vec::len), Some(0), "{ran:?}");
    assert!(machine.home.join(".m2/repository/org/example/half/1/half-1.jar.part").exists());
}

#[test]
fn what_no_reader_knows_is_pruned_by_its_command_and_bounded() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let big = "mkdir -p $HOME/mine; head -c 1500000 /dev/zero > $HOME/mine/big; echo x > $HOME/mine/small";
    let bounded = presets(&scene, MINE);
    let ran = trusted(&machine, &bounded, &[], big);
    assert_eq!(saved(&machine), "refused", "{ran:?}");
    assert!(ran.stderr.contains("bytes_max"), "{ran:?}");
    fs::remove_dir_all(machine.home.join("mine")).unwrap();
    let command =
        format!("{MINE}prune.by = \"command\"\nprune.command = [\"sh\", \"-c\", \"rm $HOME/mine/big\"]\n");
    let pruned = presets(&scene, &command);
    let ran = trusted(&machine, &pruned, &[], big);
    assert_eq!(saved(&machine), "saved", "{ran:?}");
    assert_eq!(restored(&scene, &node, &pruned), ["small"]);
}

#[test]
fn a_command_never_sees_the_publishers_key() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let ran = machine.run_trusted("npm", &["sh", "-c", "test -z \"$POLLUX_SIGNING_KEY\""]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    for (source, look) in [("fd:0", "cat /dev/stdin"), ("-", "cat /dev/stdin"), ("fd:7", "cat /dev/fd/7")] {
        let made = machine.command("npm", &["--signing-key", source], &["sh", "-c", look]);
        // A shell hands the key over, and takes what the command finds.
        let words: Vec<_> = std::iter::once(made.get_program()).chain(made.get_args()).collect();
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "exec \"$@\" 7<\"$KEY\" <\"$KEY\"", "sh"]).args(words);
        shell.env("KEY", scene.pool.publisher()).env("HOME", &machine.home).current_dir(&machine.project);
        let ran = Finished::of(shell.stdin(Stdio::null())).unwrap();
        assert!(!ran.stdout.contains("PRIVATE"), "{source}: {ran:?}");
        assert_eq!(
            saved(&machine),
            if ran.status == Some(0) { "nothing" } else { "not-tried" },
            "{source}: {ran:?}"
        );
    }
}

#[test]
fn nothing_about_a_key_or_a_place_keeps_the_command_back() {
    let scene = Scene::open();
    let node = scene.node("a");
    let machine = Machine::new(&scene, &node, "job");
    let open = scene.path("open.pem");
    fs::copy(scene.pool.publisher(), &open).unwrap();
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let text = fs::read_to_string(scene.pool.publisher()).unwrap();
    for (key, result, says) in [
        ("", "none", ""),
        ("/nowhere/key.pem", "failed", "nothing will be saved"),
        (open.to_str().unwrap(), "failed", "others can read this key"),
        (text.as_str(), "failed", "not the name of its file"),
    ] {
        let mut made = machine.command("npm", &[], &["true"]);
        let ran = Finished::of(made.env("POLLUX_SIGNING_KEY", key)).unwrap();
        assert_eq!((ran.status, saved(&machine).as_str()), (Some(0), result), "{ran:?}");
        assert!(ran.stderr.contains(says) && !ran.stderr.contains("PRIVATE KEY"), "{ran:?}");
    }
    let report = machine.home.join("report.json");
    let outside = ["run", "--cache", "npm", "--report", report.to_str().unwrap(), "--", "sh", "-c", "exit 7"];
    let outside = outside.map(std::ffi::OsStr::new);
    let ran = Finished::of(node.pollux.command(&outside).current_dir(&machine.project)).unwrap();
    assert_eq!((ran.status, machine.told("/without/0").is_string()), (Some(7), true), "{ran:?}");
    assert!(ran.stderr.contains("no project is known"), "{ran:?}");
    fs::create_dir(machine.project.join("package-lock.json")).unwrap();
    let ran = machine.run("npm", &[], &["sh", "-c", "exit 7"]);
    assert_eq!((ran.status, machine.told("/without/0").is_string()), (Some(7), true), "{ran:?}");
}
