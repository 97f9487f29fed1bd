//! The roles for Zuul, run by a real Ansible: the example playbooks, and instances on local connections.

pub(crate) mod site;

use crate::scene::{Node, same};
use pollux_core::Key;
use rustix::process::Signal;
use serde_json::{Value, json};
use site::{Build, NPM, Site, open, says};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Files below a directory that hold a text.
fn holders(directory: &Path, text: &str) -> Vec<PathBuf> {
    let output = Command::new("grep").args(["-rlF", "--", text]).arg(directory).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// The end of a key file, which only this key has.
fn secret_of(site: &Site) -> String {
    let pem = fs::read_to_string(site.scene.pool.publisher()).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    body[body.len() - 40..].to_owned()
}

fn shown(node: &Node) -> Value {
    node.pollux.run(&["show", "--json", NPM]).unwrap().json()["manifest"].clone()
}

/// An instance whose `pollux save` is a script of somebody else's, who has the true one as `$POLLUX`.
fn tampered(site: &Site, name: &str, script: &str) -> PathBuf {
    let path = site.scene.path(name);
    let pollux = site.scene.pool.programs.pollux.display();
    fs::write(&path, format!("#!/bin/sh\nPOLLUX={pollux}\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn what_a_post_job_saves_is_a_hit_on_another_instance() {
    let Some(site) = open("what_a_post_job_saves_is_a_hit_on_another_instance") else { return };
    let (a, b) = (site.scene.node("a"), site.scene.node("b"));
    let build = Build::default();
    says(&site.pre(&a, &build), &["restore cache=npm result=miss", "reason=nothing-saved", NPM]);
    let tree = site.work(&a, "tree");
    let played = site.post(&a, &build);
    says(&played, &["save cache=npm result=unsigned", NPM]);
    says(&played, &["sign cache=npm result=signed", NPM]);
    says(&played, &["publish cache=npm result=saved", NPM]);
    let next = Build { name: "b2", ..Build::default() };
    says(&site.pre(&b, &next), &["restore cache=npm result=hit", "reason=-"]);
    same(&tree, &site.cache(&b));
    let base = site.instance(&b).join("other");
    let other = json!({ "name": "npm", "base": base, "platform": "platform", "lock": "2" });
    let vars = json!({ "pollux_branch": "feature/x", "pollux_caches": [other] });
    let branch = Build { name: "branch", pipeline: "check", vars, ..Build::default() };
    says(
        &site.pre(&b, &branch),
        &["restore cache=npm result=hit", "/feature%2Fx/unit/npm/", &format!("found={NPM}")],
    );
    fs::write(site.cache(&b).join("more"), "than before").unwrap();
    says(&site.post(&b, &next), &["publish cache=npm result=saved"]);
    let manifest = shown(&a);
    assert_eq!(manifest["provenance"]["build"], "b2", "{manifest}");
    assert_eq!(manifest["provenance"]["project"], "review.example.org/some/project", "{manifest}");
    assert_eq!(manifest["ancestors"].as_array().map(Vec::len), Some(1), "{manifest}");
}

#[test]
fn the_key_stays_on_the_executor() {
    let Some(site) = open("the_key_stays_on_the_executor") else { return };
    let a = site.scene.node("a");
    site.work(&a, "tree");
    let played = site.post(&a, &Build::default());
    says(&played, &["sign cache=npm result=signed"]);
    assert!(played.stdout.contains("EXEC"), "Ansible is as talkative as it can be");
    let secret = secret_of(&site);
    assert!(!played.stdout.contains(&secret) && !played.stderr.contains(&secret), "the key was printed");
    let mut found = holders(&site.scene.path(""), &secret);
    found.sort();
    assert_eq!(found, [site.scene.path("executor/secret.json"), site.scene.pool.publisher()]);
    let (_, task) = played.stdout.split_once("TASK [pollux-save : Sign it]").unwrap();
    let (task, _) = task.split_once("TASK [").unwrap();
    assert!(!task.contains(" PUT "), "the arguments of the task are in no file: {task}");
    let left = fs::read_dir(site.scene.path("executor/tmp")).unwrap().count();
    assert_eq!(left, 0, "what was signed on is removed");
}

#[test]
fn only_success_in_a_saving_pipeline_is_saved() {
    let Some(site) = open("only_success_in_a_saving_pipeline_is_saved") else { return };
    let a = site.scene.node("a");
    site.work(&a, "tree");
    let asked = json!({ "pollux_save_pipelines": ["post", "gate", "check"] });
    let refused = [
        (Build { name: "failed", success: false, ..Build::default() }, "reason=job-failed"),
        (Build { name: "gate", pipeline: "gate", ..Build::default() }, "reason=pipeline-does-not-save"),
        (
            Build { name: "check", pipeline: "check", vars: asked.clone(), ..Build::default() },
            "reason=not-post-review",
        ),
    ];
    for (build, reason) in refused {
        let played = site.post(&a, &build);
        says(&played, &["save result=skipped", reason]);
        says(&played, &["sign result=skipped", reason]);
        assert_eq!(shown(&a), Value::Null, "{}", build.name);
    }
    let gate = Build { name: "asked", pipeline: "gate", vars: asked, ..Build::default() };
    says(&site.post(&a, &gate), &["publish cache=npm result=saved"]);
    assert_eq!(shown(&a)["provenance"]["pipeline"], "gate");
}

#[test]
fn a_cache_is_named_by_encoded_segments_and_its_lock_files() {
    let Some(site) = open("a_cache_is_named_by_encoded_segments_and_its_lock_files") else { return };
    let a = site.scene.node("a");
    fs::create_dir_all(site.instance(&a)).unwrap();
    let lock = site.instance(&a).join("lock");
    fs::write(&lock, "1").unwrap();
    let cache = |name: &str, locks: &[&Path]| json!({ "name": name, "base": site.cache(&a).join(name), "platform": "any/thing", "lock_files": locks });
    let without = json!({ "name": "here", "base": site.cache(&a).join("here"), "job": "shared" });
    let caches = [cache("one", &[&lock]), cache("other", &[&lock, Path::new("/lost")]), without];
    let vars = json!({ "pollux_branch": "feature/~x y ü", "pollux_caches": caches });
    let played = site.pre(&a, &Build { vars, ..Build::default() });
    let segments = ["review.example.org/some/project", "feature/~x y ü", "unit", "one", "any/thing"];
    let lineage = segments.map(Key::segment_of).join("/");
    // The first characters of the hash of: a blank and the hash of the file.
    says(&played, &["cache=one", &format!("key={lineage}/1766e597a507c7ee ")]);
    let other = lineage.replace("/one/", "/other/");
    says(&played, &["cache=other", &format!("key={other}/")]);
    assert!(!played.stdout.contains(&format!("key={other}/1766e597a507c7ee ")), "a file that is lost counts");
    let arch = format!("-{}/any ", std::env::consts::ARCH);
    says(&played, &["cache=here", "/shared/here/", &arch]);
}

#[test]
fn what_an_instance_tampers_with_is_refused_on_the_executor() {
    let Some(site) = open("what_an_instance_tampers_with_is_refused_on_the_executor") else { return };
    let a = site.scene.node("a");
    site.work(&a, "tree");
    let other_key = "for last; do shift; case $last in */npm/*) last=victim/main/x/npm/1 ;; esac; set -- \"$@\" \"$last\"; done\nexec $POLLUX \"$@\"";
    let other_build = "verb=$1; shift; exec $POLLUX \"$verb\" --provenance build=other \"$@\"";
    let garbage = "$POLLUX \"$@\" && for last; do case $last in *.statement.json) echo '{{ 7 * 7 }}' >$last ;; esac; done";
    let scripts = [
        (other_key, "is in no pattern of --allow"),
        (other_build, "provenance.build"),
        (garbage, "no statement"),
    ];
    for (number, (script, _)) in scripts.iter().enumerate() {
        let program = tampered(&site, &format!("tampered-{number}"), script);
        let name = format!("tampered-{number}");
        let build = Build { name: &name, vars: json!({ "pollux_program": program }), ..Build::default() };
        let played = site.post(&a, &build);
        says(&played, &["save cache=npm result=unsigned"]);
        says(&played, &["sign cache=npm result=failed", scripts[number].1]);
        assert!(!played.stdout.contains("pollux: publish"), "{}", played.stdout);
    }
}

#[test]
fn variables_that_an_instance_forges_decide_nothing() {
    let Some(site) = open("variables_that_an_instance_forges_decide_nothing") else { return };
    let a = site.scene.node("a");
    site.work(&a, "tree");
    let played = site.play("tests/zuul/instance-forges.yaml", &a, &Build::default());
    says(&played, &["save cache=npm result=unsigned", "victim/main/unit/npm"]);
    says(&played, &["sign cache=npm result=failed", "victim/main/unit/npm"]);
    assert!(!played.stdout.contains("pollux: publish"), "{}", played.stdout);
}

#[test]
fn variables_that_a_job_forges_on_the_executor_sign_nothing() {
    let Some(site) = open("variables_that_a_job_forges_on_the_executor_sign_nothing") else { return };
    let a = site.scene.node("a");
    site.work(&a, "tree");
    let check = Build { pipeline: "check", ..Build::default() };
    site.play("tests/zuul/job-forges.yaml", &a, &check);
    let played = site.post(&a, &check);
    says(&played, &["sign result=skipped reason=forged-variables"]);
    // Settings of the job reach no further.
    let vars =
        json!({ "pollux_sign_allow": ["**"], "pollux_sign_program": "false", "pollux_save_refusal": "" });
    let played = site.post(&a, &Build { name: "check", pipeline: "check", vars, ..Build::default() });
    says(&played, &["sign result=skipped reason=not-post-review"]);
}

#[test]
fn switched_off_or_not_installed_is_no_failure() {
    let Some(site) = open("switched_off_or_not_installed_is_no_failure") else { return };
    let a = site.scene.node("a");
    let tree = site.work(&a, "tree");
    let off = json!({ "pollux_enabled": false, "pollux_program": "/not/installed" });
    let off = Build { name: "off", vars: off, ..Build::default() };
    for played in [site.pre(&a, &off), site.post(&a, &off)] {
        assert!(!played.stdout.contains("pollux: "), "{}", played.stdout);
        assert!(!played.stdout.contains("/not/installed"), "{}", played.stdout);
    }
    assert!(!site.instance(&a).join("state").exists());
    let without = json!({ "pollux_program": "/not/installed" });
    let without = Build { name: "without", vars: without, ..Build::default() };
    says(&site.pre(&a, &without), &["restore cache=npm result=miss", "reason=no-program"]);
    says(&site.post(&a, &without), &["save cache=npm result=failed", "reason=no-program"]);
    // Nor is a job's nonsense.
    let wrong = json!({ "pollux_caches": [{ "base": tree }, { "name": "x" }, 7] });
    let wrong = Build { name: "wrong", vars: wrong, ..Build::default() };
    says(&site.pre(&a, &wrong), &["reason=role-failed"]);
    says(&site.post(&a, &wrong), &["reason=role-failed"]);
}

#[test]
fn a_save_that_hangs_is_killed_in_time() {
    let Some(site) = open("a_save_that_hangs_is_killed_in_time") else { return };
    let a = site.scene.node("a");
    site.work(&a, "tree");
    let cache = |name: &str| json!({ "name": name, "base": site.cache(&a), "platform": "platform" });
    let vars = json!({ "pollux_save_seconds": 4, "pollux_caches": [cache("npm"), cache("more")] });
    a.daemon.signal(Signal::STOP).unwrap();
    let played = site.post(&a, &Build { vars, ..Build::default() });
    a.daemon.signal(Signal::CONT).unwrap();
    says(&played, &["save cache=npm result=failed", "reason=killed-after-its-time"]);
    says(&played, &["save cache=more result=failed", "reason=killed-after-its-time"]);
    // The program itself would have waited ten seconds for an answer.
    assert!(played.elapsed < Duration::from_secs(30), "{:?}", played.elapsed);
    assert_eq!(shown(&a), Value::Null);
}
