//! What packages install beside the programs: units that systemd finds nothing wrong with, and a node that talks to it.

use crate::scene::Scene;
use pollux_node::config::{ConfigFile, Overrides, Settings};
use pollux_tests::{Daemon, Finished, Programs};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What `systemd-analyze security` may find: 0 is nothing, 10 a service without any walls.
const EXPOSURE_MAX: f64 = 2.0;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("node/deploy")
}

fn unit(name: &str) -> String {
    std::fs::read_to_string(deploy().join("systemd").join(name)).unwrap()
}

/// The units, with the program that was built in place of the one that a package installs.
fn units(directory: &Path) -> [PathBuf; 2] {
    let program = Programs::beside_this_one().unwrap().node;
    ["pollux-node.service", "pollux-seed.service"].map(|name| {
        let path = directory.join(name);
        std::fs::write(&path, unit(name).replace("/usr/bin/pollux-node", program.to_str().unwrap())).unwrap();
        path
    })
}

/// What it says; none where there is no systemd.
fn analyze(story: &str, arguments: &[&str], units: &[PathBuf]) -> Option<Finished> {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).args(units).env("SYSTEMD_COLORS", "0").env("LC_ALL", "C");
    let finished = Finished::of(&mut command).ok();
    if finished.is_none() {
        println!("{story}: skipped, since there is no systemd-analyze");
    }
    finished
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let directory = tempfile::tempdir().unwrap();
    let units = units(directory.path());
    let Some(said) = analyze("units", &["verify", "--man=no"], &units) else { return };
    assert_eq!((said.status, said.stdout.as_str(), said.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn little_is_exposed_by_the_units() {
    let directory = tempfile::tempdir().unwrap();
    for unit in units(directory.path()) {
        let Some(said) = analyze("exposure", &["security", "--offline=yes", "--no-pager"], &[unit]) else {
            return;
        };
        let line = said.stdout.lines().find(|line| line.contains("Overall exposure level")).unwrap();
        let figure = line.rsplit_once(": ").unwrap().1.split(' ').next().unwrap();
        let figure: f64 = figure.parse().unwrap();
        assert!(figure <= EXPOSURE_MAX, "{}", said.stdout);
    }
}

#[test]
fn units_say_what_an_operator_relies_on() {
    for name in ["pollux-node.service", "pollux-seed.service"] {
        let unit = unit(name);
        for line in [
            "Type=notify",
            "User=pollux",
            "UnsetEnvironment=SSLKEYLOGFILE",
            "CapabilityBoundingSet=",
            "Restart=on-failure",
        ] {
            assert!(unit.lines().any(|found| found == line), "{name}: {line}");
        }
        for setting in ["WatchdogSec", "CPUWeight", "IOWeight", "MemoryMax", "TasksMax"] {
            assert!(unit.contains(&format!("\n{setting}=")), "{name}: {setting}");
        }
    }
    assert!(unit("pollux-seed.service").contains("\nLoadCredential=seed-key:/etc/pollux/seed.pem\n"));
}

/// What the units start with, as the examples have it.
#[test]
fn examples_are_configurations_and_tell_the_defaults() {
    let read = |name: &str| {
        let file = ConfigFile::read(&deploy().join("examples").join(name)).unwrap();
        Settings::new(file, Overrides::default()).unwrap()
    };
    assert_eq!(read("node.toml"), Settings::new(ConfigFile::default(), Overrides::default()).unwrap());
    let seed = read("seed.toml");
    assert_eq!(seed.identity, Some("credential:seed-key".into()));
    assert_eq!(seed.runtime, PathBuf::from("/run/pollux-seed"));
    assert_eq!(seed.store, PathBuf::from("/var/lib/pollux"));
}

/// What a purge does on a machine whose seed has a disk of its own for its store, and a link in place of the node's.
const PURGE: &str = r#"
cd "$1"
mkdir -p var/lib/pollux/below var/cache disk/pollux/below run etc
ln -s "$1/disk/pollux" var/cache/pollux
mount -t tmpfs tmpfs var/lib/pollux || exit 99
touch var/lib/pollux/chunks disk/pollux/below/chunks disk/other
ln -s "$1/disk/other" disk/pollux/link
sed "s#\(/var/\|/run/\|/etc/\)#$1\1#g" "$2" > postrm
POLLUX_PURGE_STORE=yes sh postrm purge
find disk var -mindepth 1 | sort
"#;

#[test]
fn a_purge_empties_stores_that_are_disks_or_links() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-euc", PURGE, "purge"]);
    command.arg(directory.path()).arg(deploy().join("debian/postrm"));
    let purged = Finished::of(&mut command).unwrap();
    if purged.stderr.starts_with("unshare:") || purged.status == Some(99) {
        println!("purge: skipped, since nothing can be mounted here: {}", purged.stderr);
        return;
    }
    let stays = format!(
        "pollux: {}/var/lib/pollux stays, since it is in use or not empty",
        directory.path().display()
    );
    let left: Vec<&str> = purged.stdout.lines().collect();
    assert_eq!(purged.status, Some(0), "{purged:?}");
    assert_eq!(left, [&stays, "disk/other", "disk/pollux", "var/cache", "var/lib", "var/lib/pollux"]);
}

#[test]
fn a_unit_without_its_credential_says_so() {
    let scene = Scene::open();
    let mut command = Command::new(&scene.pool.programs.node);
    command.env_remove("CREDENTIALS_DIRECTORY").arg("--pool").arg(scene.pool.pool_file());
    command.args(["--role", "seed", "--identity", "credential:seed-key", "--runtime"]).arg(scene.path("run"));
    let ended = Finished::of(command.arg("--store").arg(scene.path("store"))).unwrap();
    assert_eq!(ended.status, Some(78));
    assert!(ended.stderr.contains("LoadCredential=seed-key:FILE"), "{}", ended.stderr);
}

#[test]
fn a_seed_runs_with_the_key_that_its_unit_hands_over() {
    let scene = Scene::open();
    let credentials = tempfile::tempdir().unwrap();
    std::fs::copy(scene.pool.keys().join("seed.pem"), credentials.path().join("seed-key")).unwrap();
    let mut command = Command::new(&scene.pool.programs.node);
    command.env("CREDENTIALS_DIRECTORY", credentials.path()).arg("--pool").arg(scene.pool.pool_file());
    command.args(["--role", "seed", "--identity", "credential:seed-key", "--check-config"]);
    let checked = Finished::of(&mut command).unwrap();
    assert!(checked.stdout.contains(&scene.seed.peer), "{checked:?}");
}

#[test]
fn a_node_tells_its_service_manager_that_it_is_ready_and_goes_on_turning() {
    let scene = Scene::open();
    let notified = scene.path("notify.sock");
    let manager = UnixDatagram::bind(&notified).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = Command::new(&scene.pool.programs.node);
    command.args(["--listen", "127.0.0.1:0", "--store-free-bytes-min", "0", "--pool"]);
    command.arg(scene.pool.pool_file()).arg("--runtime").arg(scene.path("run"));
    command.arg("--store").arg(scene.path("store")).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("NOTIFY_SOCKET", &notified).env("WATCHDOG_USEC", "300000").env_remove("WATCHDOG_PID");
    let mut node = command.spawn().unwrap();
    let mut told = Vec::new();
    while told.iter().filter(|word| *word == "WATCHDOG=1").count() < 4 {
        let mut message = [0; 1024];
        let length = manager.recv(&mut message).unwrap();
        told.extend(String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned));
    }
    node.kill().unwrap();
    node.wait().unwrap();
    assert_eq!(told.iter().filter(|word| *word == "READY=1").count(), 1, "{told:?}");
}

#[test]
fn a_node_whose_key_came_with_an_image_does_not_start() {
    let scene = Scene::open();
    // On a disk, wherever the story's own directory is.
    let runtime = tempfile::tempdir_in("/var/tmp").unwrap();
    let start = || {
        let mut command = Command::new(&scene.pool.programs.node);
        command.arg("--pool").arg(scene.pool.pool_file()).arg("--runtime").arg(runtime.path());
        command.args(["--listen", "127.0.0.1:0", "--store-free-bytes-min", "0", "--store"]);
        Daemon::start(command.arg(scene.path("store")), &scene.path("node.log"))
    };
    assert!(start().unwrap().stop().unwrap().success());
    std::fs::write(runtime.path().join("identity.instance"), "another machine\nanother start\n").unwrap();
    let refused = start().unwrap_err().to_string();
    assert!(refused.contains("came with an image") && refused.contains("delete it"), "{refused}");
}

#[test]
fn the_page_about_deployment_lists_what_lies_there() {
    let page = std::fs::read_to_string(deploy().join("README.md")).unwrap();
    for name in crate::scene::names(&deploy()).into_iter().filter(|name| name != "README.md") {
        let listed = [format!("| `{name}` |"), format!("| `{name}/")];
        assert!(listed.iter().any(|row| page.contains(row)), "{name}");
    }
}
