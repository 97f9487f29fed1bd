//! Beside castor: a real rsync daemon that has what castor's host has.

use crate::scene::{Node, same, until};
use crate::zuul::site::{Build, NPM, Site, open, repository, says};
use pollux_tests::{Finished, free_port};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

/// The host of all caches. Dropped, it is killed.
struct Castor {
    daemon: Child,
    url: String,
    /// Below it are the namespaces.
    directory: PathBuf,
}

impl Castor {
    fn start(site: &Site) -> Self {
        let (port, directory) = (free_port().unwrap(), site.scene.path("castor"));
        fs::create_dir(&directory).unwrap();
        let config = site.scene.path("rsyncd.conf");
        // As root it would become somebody who may not read here.
        let user = rustix::process::geteuid().as_raw();
        let module = format!("use chroot = no\n[caches]\npath = {}\nuid = {user}\n", directory.display());
        fs::write(&config, module).unwrap();
        let mut command = Command::new("rsync");
        command.args(["--daemon", "--no-detach", "--address", "127.0.0.1", "--port"]).arg(port.to_string());
        command.arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null());
        let daemon = command.spawn().unwrap();
        until("rsync listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { daemon, url: format!("rsync://127.0.0.1:{port}/caches"), directory }
    }

    fn namespace(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        pollux_tests::sample_tree(&path, name).unwrap();
        path
    }
}

impl Drop for Castor {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

fn open_with_castor(story: &str) -> Option<(Site, Castor)> {
    if Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("{story}: skipped: no rsync on PATH");
        return None;
    }
    let site = open(story)?;
    let castor = Castor::start(&site);
    Some((site, castor))
}

/// What the shadow of a build left for later.
fn written(site: &Site, node: &Node) -> Value {
    let text = fs::read_to_string(site.instance(node).join("logs/shadow-npm.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_shadow_only_looks_and_writes_down_both() {
    let Some((site, castor)) = open_with_castor("a_shadow_only_looks_and_writes_down_both") else { return };
    let (a, b) = (site.scene.node("a"), site.scene.node("b"));
    let tree = castor.namespace("some-project/main/unit");
    let vars = json!({
        "pollux_shadow": true, "pollux_castor_url": castor.url, "pollux_castor_tasks": "/no/job/names/it",
    });
    let first = Build { name: "b1", vars: vars.clone(), ..Build::default() };
    let played = site.play("tests/zuul/shadow.yaml", &a, &first);
    says(&played, &["pollux-shadow: cache=npm pollux=miss reason=nothing-saved", "castor=hit", NPM]);
    same(&tree, &site.cache(&a));
    says(&site.post(&a, &first), &["publish cache=npm result=saved"]);

    let facts = json!({
        "pollux_shadow": true, "pollux_castor_tasks": "/no/job/names/it", "pollux_castor": { "npm": { "result": "hit", "seconds": 9.5, "bytes": 77 } },
    });
    let second = Build { name: "b2", vars: facts, ..Build::default() };
    let played = site.pre(&b, &second);
    says(&played, &["pollux=hit reason=-", "castor=hit castor_seconds=9.5 castor_bytes=77"]);
    assert!(!site.cache(&b).exists(), "it is castor's to fill it");
    let home = site.instance(&b).join("home");
    assert_eq!(fs::read_dir(home).unwrap().count(), 0, "the scratch directory is gone");
    let report = written(&site, &b);
    assert_eq!(
        (&report["pollux"]["result"], &report["castor"]["bytes"]),
        (&json!("hit"), &json!(77)),
        "{report}"
    );
    assert!(report["pollux"]["bytes"].as_u64() > Some(3_000_000), "{report}");

    let third = Build { name: "b3", vars, ..Build::default() };
    let played = site.play("tests/zuul/shadow.yaml", &b, &third);
    says(&played, &["pollux=hit", "castor=hit"]);
    let report = written(&site, &b);
    let bytes = |whose: &str| report[whose]["bytes"].as_u64().unwrap();
    // rsync counts the texts of links, too.
    assert_eq!(bytes("castor") - bytes("pollux"), 12, "the same files: {report}");
    assert!(report["castor"]["seconds"].as_f64() > Some(0.0), "{report}");
}

#[test]
fn castor_answers_where_pollux_has_nothing() {
    let Some((site, castor)) = open_with_castor("castor_answers_where_pollux_has_nothing") else { return };
    let (a, b) = (site.scene.node("a"), site.scene.node("b"));
    let tree = castor.namespace("some-project/main/unit");
    let vars = json!({ "pollux_castor_fallback": true, "pollux_castor_url": castor.url });
    let build = Build { name: "b1", vars: vars.clone(), ..Build::default() };
    says(&site.pre(&a, &build), &["restore cache=npm result=miss", "castor=hit"]);
    same(&tree, &site.cache(&a));
    says(&site.post(&a, &build), &["publish cache=npm result=saved"]);
    // A hit needs no castor.
    says(&site.pre(&b, &Build { name: "b2", vars, ..Build::default() }), &["result=hit", "castor=-"]);
    same(&tree, &site.cache(&b));
    let vars = json!({
        "pollux_castor_fallback": true, "pollux_castor_url": castor.url, "pollux_castor_namespace": "nobody/has/it",
        "pollux_branch": "other", "pollux_fallback_branches": [], "pollux_socket": "/nowhere",
    });
    let neither = Build { name: "b3", vars, ..Build::default() };
    says(&site.pre(&b, &neither), &["restore cache=npm result=miss", "castor=miss"]);
}

/// Runs the import of castor's namespaces through a node.
fn import(site: &Site, socket: &Path, arguments: &[&str]) -> Finished {
    let mut command = Command::new(repository("client/ci/zuul/import-castor"));
    command.arg("--state").arg(site.scene.path("import")).args(arguments);
    command.env("POLLUX", &site.scene.pool.programs.pollux).env("POLLUX_SOCKET", socket);
    command.env("POLLUX_SIGNING_KEY", site.scene.pool.publisher()).env_remove("POLLUX_DISABLE");
    Finished::of(&mut command).unwrap()
}

fn reported(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.scene.path("import/report.tsv")).unwrap();
    let results = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    results.map(|fields| format!("{} {}", fields[1], fields[3])).collect()
}

#[test]
fn castors_namespaces_are_imported() {
    let Some((site, castor)) = open_with_castor("castors_namespaces_are_imported") else { return };
    let (a, b) = (site.scene.node("a"), site.scene.node("b"));
    let (one, two) = (castor.namespace("some-project/main/unit"), castor.namespace("other/main/unit"));
    // One look at size and time must not take a file of the one for that of the other.
    for tree in [&one, &two] {
        let large = File::options().write(true).open(tree.join("large.bin")).unwrap();
        large.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let lineage = Path::new(NPM).parent().unwrap().display().to_string();
    let map = site.scene.path("map");
    let lines = format!(
        "# directory, key\nsome-project/main/unit {lineage}/castor\n\nlost/main/unit lost/main/unit/castor\n\
         other/main/unit other/main/unit/castor"
    );
    fs::write(&map, lines).unwrap();
    let map = map.to_str().unwrap();
    let tried = import(&site, &a.pollux.socket, &["--dry-run", &castor.url, map]);
    assert_eq!((tried.status, reported(&site).len()), (Some(1), 0), "{tried:?}");
    assert!(tried.stdout.contains("not there\tlost/main/unit"), "{tried:?}");
    assert!(tried.stdout.contains("2 would be imported, 0 done before, 1 failed"), "{tried:?}");
    // Without a node nothing is saved; what was copied stays, for the next attempt.
    let last = site.scene.path("last");
    fs::write(&last, "other/main/unit other/main/unit/castor").unwrap();
    let alone = import(&site, Path::new("/nowhere"), &[&castor.url, last.to_str().unwrap()]);
    assert!(alone.stdout.contains("0 imported, 0 done before, 1 failed"), "{alone:?}");
    let imported = import(&site, &a.pollux.socket, &[&castor.url, map]);
    assert!(
        imported.status == Some(1) && imported.stdout.contains("2 imported, 0 done before, 1 failed"),
        "{imported:?}"
    );
    assert_eq!(
        reported(&site).split_off(1),
        ["some-project/main/unit saved", "lost/main/unit failed", "other/main/unit saved"]
    );
    castor.namespace("lost/main/unit");
    let again = import(&site, &a.pollux.socket, &[&castor.url, map]);
    assert!(
        again.status == Some(0) && again.stdout.contains("1 imported, 2 done before, 0 failed"),
        "{again:?}"
    );
    // The role finds it by its fallback, since nothing is saved under the key itself.
    says(&site.pre(&b, &Build::default()), &["restore cache=npm result=hit", "npm/platform/castor"]);
    same(&one, &site.cache(&b));
    let restored = site.scene.path("restored");
    assert_eq!(b.pollux.restore("other/main/unit/castor", &restored, &[]).unwrap().result(), "hit");
    same(&two, &restored);
}

#[test]
fn a_wrong_import_is_refused_before_anything_is_done() {
    let Some((site, castor)) = open_with_castor("a_wrong_import_is_refused_before_anything_is_done") else {
        return;
    };
    let a = site.scene.node("a");
    for line in ["only-a-directory", "../out key", "one key more"] {
        let map = site.scene.path("map");
        fs::write(&map, line).unwrap();
        let refused = import(&site, &a.pollux.socket, &[&castor.url, map.to_str().unwrap()]);
        assert_eq!(refused.status, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("hint"), "{refused:?}");
    }
}

#[test]
fn an_import_follows_no_link_out_and_takes_no_key_for_a_flag() {
    let Some(site) = open("an_import_follows_no_link_out_and_takes_no_key_for_a_flag") else { return };
    let a = site.scene.node("a");
    let (source, secret, map) =
        (site.scene.path("source"), site.scene.tree("secret"), site.scene.path("map"));
    fs::create_dir_all(source.join("some/main")).unwrap();
    fs::rename(site.scene.tree("tree"), source.join("some/main/unit")).unwrap();
    std::os::unix::fs::symlink(&secret, source.join("some/main/link")).unwrap();
    std::os::unix::fs::symlink(secret.parent().unwrap(), source.join("up")).unwrap();
    let above = format!("up/{}", secret.file_name().unwrap().display());
    let lines = format!("some/main/link a/b/c\n{above} a/b/d\nsome/main/unit --help\nsome/main/unit a/b/e\n");
    fs::write(&map, lines).unwrap();
    let imported = import(&site, &a.pollux.socket, &[source.to_str().unwrap(), map.to_str().unwrap()]);
    assert!(imported.stdout.contains("2 imported, 0 done before, 2 failed"), "{imported:?}");
    let ends = ["some/main/link failed".to_owned(), format!("{above} failed")];
    assert_eq!(reported(&site)[..2], ends);
    assert_eq!(reported(&site)[2..], ["some/main/unit saved", "some/main/unit saved"]);
    let shown = a.pollux.run(&["show", "--json", "--", "--help"]).unwrap();
    assert_eq!(shown.json()["manifest"]["key"], "--help", "{shown:?}");
    let dry = ["--dry-run", source.to_str().unwrap(), map.to_str().unwrap()];
    assert!(import(&site, &a.pollux.socket, &dry).stdout.contains("not there\tsome/main/link"));
}
