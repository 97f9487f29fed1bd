//! The script behind the actions for GitHub, run as a runner does: inputs and what a run is as variables, outputs as files.

pub(crate) mod runner;

use crate::scene::{Node, Scene, same};
use pollux_core::Key;
use runner::{Run, Runner, Step, is_yaml, yaml};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The keys of all that is saved.
fn saved(node: &Node) -> Vec<String> {
    let listed = node.pollux.run(&["ls", "--json"]).unwrap().json();
    let rows = listed["rows"].as_array().unwrap().iter();
    rows.map(|row| row["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_a_push_saves_is_an_exact_hit_of_a_pull_request_elsewhere() {
    let scene = Scene::open();
    let (a, b) = (Runner::new(&scene, "a"), Runner::new(&scene, "b"));
    let push = Run::push("main").key("npm-1");
    let cold = a.restore(&push);
    cold.says(&["restore result=miss", "reason=nothing-saved", "octo%2Fhello/main/", "/npm-1"]);
    assert_eq!(cold.outputs(), [("cache-primary-key", "npm-1")]);
    let tree = a.work("tree");
    a.save(&push).says(&["save result=saved", "octo%2Fhello/main/"]);

    let asked = Run::pull_request("feature/x", "main").key(" npm-1\n");
    let hit = b.restore(&asked);
    hit.says(&["restore result=hit exact=true", "octo%2Fhello/main/"]);
    let expected = [("cache-hit", "true"), ("cache-matched-key", "npm-1"), ("cache-primary-key", "npm-1")];
    assert_eq!(hit.outputs(), expected);
    same(&tree, &b.cache());
    assert!(hit.summary.contains("/npm-1`"), "{}", hit.summary);

    // As with actions/cache, a key is saved once.
    fs::write(a.cache().join("more"), "than before").unwrap();
    a.save(&push).says(&["save result=skipped reason=saved-already"]);
    let next = Run::push("main").key("npm-2").restore_keys("npm-");
    let stale = b.restore(&next);
    assert_eq!(stale.output("cache-matched-key"), "npm-1");
    fs::write(b.cache().join("more"), "than before").unwrap();
    b.save(&next).says(&["save result=saved"]);
    let key = saved(&a.node).into_iter().find(|key| key.ends_with("/npm-2")).unwrap();
    let manifest = a.node.pollux.run(&["show", "--json", &key]).unwrap().json()["manifest"].clone();
    assert_eq!(manifest["ancestors"].as_array().map(Vec::len), Some(1), "{manifest}");
    let provenance = &manifest["provenance"];
    assert_eq!(provenance["project"], "octo/hello", "{manifest}");
    assert_eq!((&provenance["pipeline"], &provenance["build"]), (&"push".into(), &"4711-1".into()));
}

#[test]
fn restore_keys_are_beginnings_and_branches_are_asked_in_their_order() {
    let scene = Scene::open();
    let (a, b) = (Runner::new(&scene, "a"), Runner::new(&scene, "b"));
    a.work("tree");
    for (branch, key) in
        [("main", "npm-1-a"), ("main", "npm-2-b"), ("main", "old-c"), ("release/1", "npm-1-d")]
    {
        fs::write(a.cache().join("key"), key).unwrap();
        a.save(&Run::push(branch).key(key)).says(&["save result=saved"]);
    }
    let asked = |key: &str, keys: &str, base: &str| {
        let hit = b.restore(&Run::pull_request("feature", base).key(key).restore_keys(keys));
        assert_ne!(hit.output("cache-hit"), "true", "{hit:?}");
        hit.output("cache-matched-key")
    };
    assert_eq!(asked("npm-3", "npm-1-\nnpm-", "main"), "npm-1-a");
    assert_eq!(asked("npm-3", "nowhere-\n  npm-  \n", "main"), "npm-2-b", "the newest that begins so");
    assert_eq!(asked("npm-2", "", "main"), "npm-2-b", "a key is a beginning, too");
    assert_eq!(asked("npm-3", "npm-", "release/1"), "npm-1-d", "the base branch is asked first");
    assert_eq!(asked("old-3", "old-", "release/1"), "old-c", "then the default branch");
    assert_eq!(asked("npm-3", "pm-\n-1-a\n1-a", "main"), "", "what does not begin so is another");
    let beyond = "none-\n".repeat(7) + "npm-";
    assert_eq!(asked("npm-3", &beyond, "main"), "");
    let told = b.restore(&Run::push("main").key("npm-3").restore_keys(&beyond));
    told.says(&["restore keys beyond the first 7 are left out"]);
    let elsewhere = b.restore(&Run::push("main").key("npm-1-a").path("~/.yarn"));
    elsewhere.says(&["result=miss", "reason=nothing-saved"]);
    let exact = b.restore(&Run::pull_request("feature", "release/1").key("npm-2-b").restore_keys("npm-1"));
    assert_eq!(exact.output("cache-matched-key"), "npm-1-d", "as with actions/cache: branch by branch");
}

#[test]
fn lookup_only_restores_nothing_and_a_miss_fails_where_that_is_asked_for() {
    let scene = Scene::open();
    let (a, b) = (Runner::new(&scene, "a"), Runner::new(&scene, "b"));
    a.work("tree");
    for key in ["npm-0", "npm-1"] {
        a.save(&Run::push("main").key(key)).says(&["save result=saved"]);
    }
    let look = |key: &str| {
        let run =
            Run::pull_request("feature", "main").key(key).restore_keys("npm-").with("LOOKUP_ONLY", "true");
        let looked = b.restore(&run.with("FAIL_ON_CACHE_MISS", "true"));
        assert!(!b.cache().exists(), "nothing is restored");
        (looked.output("cache-hit"), looked.output("cache-matched-key"))
    };
    assert_eq!(look("npm-1"), ("true".to_owned(), "npm-1".to_owned()));
    assert_eq!(look("npm-3"), ("false".to_owned(), "npm-1".to_owned()));
    for lookup in ["false", "true"] {
        let none = Run::push("main").key("other").with("LOOKUP_ONLY", lookup);
        let missed = b.try_restore(&none.with("FAIL_ON_CACHE_MISS", "true"));
        assert_eq!(missed.finished.status, Some(1), "{missed:?}");
        assert!(missed.finished.stdout.contains("\n::error::pollux: nothing is restored"), "{missed:?}");
        assert_eq!(missed.outputs(), [("cache-primary-key", "other")]);
    }
}

#[test]
fn only_a_push_to_a_protected_branch_saves() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    file(a.cache().join("file"), "small");
    let event = |name: &str| Run::push("main").variable("GITHUB_EVENT_NAME", name);
    let refused = [
        (Run::pull_request("main", "main"), "not-a-push"),
        // This one runs with the base branch as its ref, and with secrets.
        (event("pull_request_target"), "not-a-push"),
        (event("workflow_run"), "not-a-push"),
        (event("issue_comment"), "not-a-push"),
        (event(""), "not-a-push"),
        (Run::push("main").variable("GITHUB_REF_PROTECTED", "false"), "not-a-protected-branch"),
        (Run::push("v1").variable("GITHUB_REF_TYPE", "tag"), "not-a-protected-branch"),
        (Run::push("main").variable("POLLUX_SIGNING_KEY", ""), "no-signing-key"),
    ];
    for (run, reason) in refused {
        let run = run.key("npm-1").variable("GITHUB_STEP_SUMMARY", "/nowhere/summary");
        a.save(&run).says(&["save result=skipped", &format!("reason={reason}")]);
        assert_eq!(saved(&a.node), [""; 0], "{reason}");
    }
    // The key may also be a file's name.
    let file = scene.pool.publisher().display().to_string();
    a.save(&Run::push("main").key("npm-1").variable("POLLUX_SIGNING_KEY", &file)).says(&["result=saved"]);
}

#[test]
fn the_signing_key_is_in_no_log_no_file_and_no_environment_of_the_program() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    a.work("tree");
    let program = scene.path("spy");
    let seen = scene.path("seen");
    let script = "#!/bin/sh\n{ env; echo \"$@\"; } >>\"$SEEN\"\nexec \"$PROGRAM\" \"$@\"\n";
    runner::executable(&program, script);
    let run = Run::push("main").key("npm-1").variable("POLLUX", &program.display().to_string());
    let run = run.variable("SEEN", &seen.display().to_string());
    let run = run.variable("PROGRAM", &scene.pool.programs.pollux.display().to_string());
    let secret = fs::read_to_string(scene.pool.publisher()).unwrap();
    let body = secret.lines().nth(1).unwrap();
    for done in [a.restore(&run), a.save(&run)] {
        assert!(!format!("{done:?}").contains(body), "the key was printed");
    }
    assert_eq!(saved(&a.node).len(), 1);
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("--signing-key - ") && !seen.contains(body), "{seen}");
}

/// Texts that somebody may choose, such as by the name of a branch, to be taken for something else.
fn hostile_keys() -> Vec<String> {
    let injected =
        "k\ncache-hit=true\ncache-matched-key<<E\nx\nE\n::set-output name=cache-hit::true\n##[add-path]/x";
    let texts = [
        injected,
        "%0Acache-hit%3Dtrue",
        "\"; touch /tmp/x; '",
        "$(touch x)`touch x`",
        "..",
        ".",
        "...x",
        "../../x",
        "/",
        "a//b/",
        "*",
        "-x",
        "--help",
        "ü~ñ",
        "\u{1b}[31m",
        "a b\tc",
        "k\r\ncache-hit=true",
        "%",
        "%=",
        "end_",
        "\\n\\000",
    ];
    let mut keys: Vec<String> = texts.map(str::to_owned).into();
    keys.push("long ".repeat(600) + "1");
    keys.push("long ".repeat(600) + "2");
    keys
}

#[test]
fn hostile_keys_are_names_like_any_other() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    file(a.cache().join("file"), "small");
    let keys = hostile_keys();
    for (number, key) in keys.iter().enumerate() {
        let shell = if number % 2 == 0 { "sh" } else { "bash" };
        let push = Run::push("main").key(key).shell(shell);
        // What another one begins with may find that one.
        assert_ne!(a.restore(&push).output("cache-hit"), "true", "{key:?}");
        a.save(&push).says(&["save result=saved"]);
        let hit = a.restore(&push);
        let expected =
            [("cache-hit", "true"), ("cache-matched-key", key.as_str()), ("cache-primary-key", key.as_str())];
        assert_eq!(hit.outputs(), expected, "{key:?}");
    }
    let saved = saved(&a.node);
    assert_eq!(saved.len(), keys.len(), "different texts stay different: {saved:?}");
    for key in &saved {
        let key: Key = key.parse().unwrap();
        assert_eq!(key.segments().count(), 5, "{key}");
    }
}

#[test]
fn what_a_text_begins_with_its_name_begins_with() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    file(a.cache().join("file"), "small");
    let keys = ["..", ".npm", "ü-1", "a/b c", "%41-x", &"y".repeat(900)];
    for key in keys {
        a.save(&Run::push("main").key(key)).says(&["save result=saved"]);
    }
    let found = |begin: &str| {
        let hit = a.restore(&Run::push("main").key("another").restore_keys(begin));
        hit.output("cache-matched-key")
    };
    for (begin, key) in [(".n", ".npm"), ("..", ".."), ("ü", "ü-1"), ("a/b", "a/b c"), ("%4", "%41-x")] {
        assert_eq!(found(begin), key, "{begin}");
    }
    assert!(found(&"y".repeat(20)).starts_with(&"y".repeat(20)), "one that is cut begins as it did");
    assert_eq!(found(&"y".repeat(300)), "", "where it is cut, nothing is known any more");
    assert_eq!(found("A"), "", "nothing is decoded");
}

#[test]
fn a_name_that_has_no_room_is_a_miss_in_words() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    file(a.cache().join("file"), "small");
    let long = format!("{}/{}", "o".repeat(39), "r".repeat(100));
    let run = |branch: &str, key: &str| Run::push(branch).key(key).variable("GITHUB_REPOSITORY", &long);
    let branch = "feature/".to_owned() + &"b".repeat(230);
    for done in [a.restore(&run(&branch, &"k".repeat(60))), a.save(&run(&branch, &"k".repeat(60)))] {
        done.says(&["reason=too-long"]);
    }
    let short = run(&branch, "k");
    a.save(&short).says(&["save result=saved"]);
    assert_eq!(a.restore(&short).output("cache-hit"), "true", "only the branch is cut");
    let other = run(&(branch + "b"), "k");
    assert_eq!(a.restore(&other).output("cache-hit"), "", "and stays another than one that begins so");
}

#[test]
fn nothing_but_a_miss_that_is_to_fail_fails_a_job() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    file(a.cache().join("file"), "small");
    let push = || Run::push("main").key("npm-1");
    let cases = [
        (push().variable("POLLUX_DISABLE", "1"), "disabled"),
        (push().variable("POLLUX", "/not/installed"), "no-program words=\"/not/installed\""),
        (push().key(" \n"), "no-key"),
        (push().path("\n#none\n"), "no-base"),
        (push().path("~/.npm\n/opt"), "no-base"),
        (push().variable("GITHUB_REPOSITORY", ""), "not-in-an-action"),
    ];
    for (run, reason) in cases {
        a.restore(&run).says(&["restore result=miss", &format!("reason={reason}")]);
        a.save(&run).says(&["save result=skipped", &format!("reason={reason}")]);
        let failed = a.try_restore(&run.with("FAIL_ON_CACHE_MISS", "true"));
        assert_eq!(failed.finished.status, Some(1), "{failed:?}");
    }
    let nowhere = push().variable("POLLUX_SOCKET", "/nowhere/pollux.sock");
    a.restore(&nowhere).says(&["restore result=miss", "reason=no-node"]);
    let lookup = push().variable("POLLUX_SOCKET", "/nowhere/pollux.sock").with("LOOKUP_ONLY", "true");
    a.restore(&lookup).says(&["restore result=miss", "reason=no-node"]);
    a.save(&nowhere).says(&["save result=failed", "/nowhere/pollux.sock"]);
    a.save(&push().path("~/not-there")).says(&["save result=skipped reason=nothing-there"]);
    a.save(&push().path("**/b/**/c")).says(&["save result=skipped reason=glob"]);
    let ignored = push().with("ENABLE_CROSS_OS_ARCHIVE", "true").with("UPLOAD_CHUNK_SIZE", "1024");
    a.restore(&ignored).says(&["enableCrossOsArchive is accepted and ignored"]);
    assert_eq!(saved(&a.node), [""; 0]);
}

#[test]
fn whatever_the_program_says_commands_no_runner() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    file(a.cache().join("file"), "small");
    let program = scene.path("hostile");
    let words = "printf '::add-path::/x\\n  ::debug::x\\r::error::x\\n##[add-path]/x\\nlast' >&2";
    let object =
        r###"{\n  "result": "miss",\n  "reason": "broken",\n  "words": "##[x]\r::stop-commands::x"\n}\n"###;
    runner::executable(&program, &format!("#!/bin/sh\n{words}\nprintf '{object}'\n"));
    let run = Run::push("main").key("npm-1").variable("POLLUX", &program.display().to_string());
    // That no line is a command is looked at for each step.
    let restored = a.restore(&run);
    restored.says(&["## [add-path]/x"]);
    restored.says(&["last"]);
    restored.says(&["result=miss", "reason=broken", "words=\"## [x] ::stop-commands::x\""]);
    a.save(&run).says(&["## [add-path]/x"]);
}

fn file(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn has(runner: &Runner<'_>, names: &[(&str, bool)]) {
    for (name, expected) in names {
        assert_eq!(runner.home.join(name).exists(), *expected, "{name}");
    }
}

#[test]
fn several_paths_lie_below_one_directory() {
    let scene = Scene::open();
    let (a, b) = (Runner::new(&scene, "a"), Runner::new(&scene, "b"));
    let names = [
        ".cargo/git/x",
        ".cargo/registry/y",
        ".cargo/registry/out/z",
        ".cargo/other",
        "work/hello/target/t",
        "work/hello/src",
        "work/hello/packages/p q/dist/1",
        "work/hello/packages/r/dist/2",
        "work/hello/packages/r/more",
        "work/hello/deep/er/modules/3",
        "work/hello/modules/4",
        "work/hello/all/.5",
    ];
    names.iter().for_each(|name| file(a.home.join(name), name));
    symlink("target", a.home.join("work/hello/link")).unwrap();
    let path = "~/.cargo/git\n  ~/.cargo/./registry/ \n!~/.cargo/registry/out\n# a word\ntarget\npackages/*/dist\n**/modules\n\
                all/**\nlink\n../hello/not-there\n";
    let run = Run::push("main").key("k").path(path);
    a.save(&run).says(&["save result=saved"]);
    file(b.home.join(".cargo/git/stale"), "");
    file(b.home.join(".cargo/other"), "mine");
    assert_eq!(b.restore(&run).output("cache-hit"), "true");
    let expected = names.map(|name| {
        let left_out = ["/out/", "/src", "/more"].iter().any(|part| name.contains(part));
        (name, !left_out)
    });
    has(&b, &expected);
    has(&b, &[(".cargo/git/stale", false), ("work/hello/link/t", true)]);
    assert_eq!(fs::read_to_string(b.home.join(".cargo/other")).unwrap(), "mine");
    // The same paths in another order are the same place.
    let mut lines: Vec<&str> = path.lines().collect();
    lines.reverse();
    assert_eq!(b.restore(&Run::push("main").key("k").path(&lines.join("\n"))).output("cache-hit"), "true");
}

#[test]
fn a_name_with_a_line_break_names_nothing_else() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    let top = a.home.join("work/hello");
    for name in ["d/x/lib", "d/q\nother/lib", "other/lib"] {
        file(top.join(name), name);
    }
    for (number, path) in ["d/**/lib", "d/*"].into_iter().enumerate() {
        let run = Run::push("main").key(&format!("k-{number}")).path(path);
        a.save(&run).says(&["save result=saved"]);
        fs::remove_dir_all(&top).unwrap();
        fs::create_dir(&top).unwrap();
        assert_eq!(a.restore(&run).output("cache-hit"), "true");
        let there = ["d/x/lib", "d/q\nother/lib", "other/lib"].map(|name| top.join(name).exists());
        assert_eq!(there, [true, false, false], "{path}");
        for name in ["d/x/lib", "d/q\nother/lib", "other/lib"] {
            file(top.join(name), name);
        }
    }
}

#[test]
fn a_line_with_an_exclamation_mark_leaves_out_what_a_pattern_matched() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    let top = a.home.join("work/hello");
    let cases = [
        ("d/*\n!d/*.log", ["d/x", "d/y.log"]),
        ("pkgs/*/node_modules\n!pkgs/b/node_modules", ["pkgs/a/node_modules/f", "pkgs/b/node_modules/f"]),
    ];
    for (number, (path, names)) in cases.into_iter().enumerate() {
        names.iter().for_each(|name| file(top.join(name), name));
        let run = Run::push("main").key(&format!("k-{number}")).path(path);
        a.save(&run).says(&["save result=saved"]);
        names.iter().for_each(|name| fs::remove_file(top.join(name)).unwrap());
        assert_eq!(a.restore(&run).output("cache-hit"), "true");
        let there = names.map(|name| top.join(name).exists());
        assert_eq!(there, [true, false], "{path}");
    }
    file(top.join("d/y.log"), "");
    let none = Run::push("main").key("none").path("d/*.log\n!d/y.log");
    a.save(&none).says(&["save result=failed", "words=\"nothing is left to save of"]);
}

#[test]
fn a_line_of_the_log_has_short_figures_and_words_in_quotes_and_no_names_of_steps() {
    let scene = Scene::open();
    let a = Runner::new(&scene, "a");
    a.work("tree");
    let run = Run::push("main").key("npm-1");
    let lines = |step: &Step| step.finished.stdout.lines().map(str::to_owned).collect::<Vec<_>>();
    let cold = lines(&a.restore(&run)).pop().unwrap();
    assert!(cold.contains(" reason=nothing-saved words=\"") && cold.ends_with('"'), "{cold}");
    let saved = lines(&a.save(&run));
    let last = saved.last().unwrap();
    assert!(last.contains(" manifest=") && !last.contains("words="), "{last}");
    let hit = lines(&a.restore(&run));
    let (_, seconds) = hit.last().unwrap().rsplit_once(" seconds=").unwrap();
    assert_eq!(seconds.split_once('.').map(|(_, decimals)| decimals.len()), Some(3), "{seconds}");
    let steps =
        ["asking", "listing", "packing", "restoring", "publishing"].map(|step| format!("pollux: {step}"));
    for line in saved.iter().chain(&hit) {
        assert!(!steps.contains(line), "{line}");
        assert!(!line.ends_with('='), "{line}");
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_actions_hand_every_input_to_the_script_as_a_variable() {
    let story = "the_actions_hand_every_input_to_the_script_as_a_variable";
    if !is_yaml(story) {
        return;
    }
    let action = |path: &str| yaml(&repository(&format!("client/ci/github/{path}")));
    let (top, restore, save) =
        (action("action.yml"), action("restore/action.yml"), action("save/action.yml"));
    assert_eq!((&top["inputs"], &top["outputs"]), (&restore["inputs"], &restore["outputs"]));
    assert_eq!(texts(&restore["outputs"]), ["cache-hit", "cache-matched-key", "cache-primary-key"]);
    let script = fs::read_to_string(repository("client/ci/github/pollux-cache")).unwrap();
    for action in [&top, &restore, &save] {
        assert_eq!(action["runs"]["using"], "composite");
        let step = &action["runs"]["steps"][0];
        assert!(!step["run"].as_str().unwrap().contains("${{"), "{step}");
        for input in texts(&action["inputs"]) {
            let used = step["env"].as_object().unwrap();
            let (name, _) = used
                .iter()
                .find(|(_, value)| value.as_str().unwrap().contains(&format!("inputs.{input} ")))
                .unwrap();
            assert!(script.contains(&format!("${{{name}:-")), "{name}");
        }
        for name in texts(&step["env"]) {
            assert!(script.contains(&format!("${{{name}:-")), "{name}");
        }
    }
    let inputs = texts(&restore["inputs"]);
    assert!(
        texts(&save["inputs"]).into_iter().all(|input| input == "signing-key" || inputs.contains(&input))
    );
}
