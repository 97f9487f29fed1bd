//! The program itself: what it prints, how it ends.

use crate::ground::{Ground, names};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output, Stdio};

fn program(ground: &Ground, config: &str) -> Command {
    let path = ground.path("node.toml");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollux-node"));
    command.env_clear().arg("--config").arg(path);
    command
}

fn config(ground: &Ground) -> String {
    let path = |name: &str| format!("{:?}", ground.path(name));
    format!(
        "pool = {}\nlisten = [\"127.0.0.1:0\"]\nruntime = {}\n[store]\ndirectory = {}\nfree_bytes_min = 0\n",
        path("pool/pool.json"),
        path("run"),
        path("store"),
    )
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_checked_configuration_is_shown() {
    let ground = Ground::new();
    let output = program(&ground, &config(&ground)).arg("--check-config").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let shown = String::from_utf8(output.stdout).unwrap();
    let directory = ground.path("").display().to_string();
    let expected = "the configuration is good\n  \
                    pool    ci (DIRECTORY/pool/pool.json)\n  \
                    peer    a new one (Node)\n  \
                    listen  [127.0.0.1:0]\n  \
                    socket  DIRECTORY/run/pollux.sock (mode 0666)\n  \
                    store   DIRECTORY/store (at most a tenth of its file system, leaves 0 bytes free)\n  \
                    log     info (Human)\n";
    assert_eq!(shown.replace(directory.trim_end_matches('/'), "DIRECTORY"), expected);
    assert_eq!(names(&ground.path("")), ["node.toml", "pool"], "nothing was made");
}

/// An operator needs it before the node has joined anything.
#[test]
fn a_peer_id_is_printed_and_stays() {
    let ground = Ground::new();
    let print = || {
        program(&ground, &config(&ground).replace("pool.json", "nowhere.json"))
            .arg("peer-id")
            .output()
            .unwrap()
    };
    let (first, second) = (print(), print());
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    assert!(first.stdout.starts_with(b"12D3Koo") && first.stdout == second.stdout);
    let output = program(&ground, &config(&ground)).arg("--check-config").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains(String::from_utf8(first.stdout).unwrap().trim()), "{shown}");
}

#[test]
fn what_is_wrong_with_a_configuration_is_said() {
    let ground = Ground::new();
    let good = config(&ground);
    for (text, words) in [
        (format!("{good}bytes_maximum = 3\n"), "bytes_maximum"),
        (format!("{good}[socket]\nmode = \"rw\"\n"), "socket.mode"),
        (format!("{good}[metrics]\nlisten = \"localhost\"\n"), "ADDRESS:PORT"),
        (format!("{good}[metrics]\naddress = \"127.0.0.1:0\"\n"), "address"),
        (format!("role = \"seed\"\n{good}"), "seed.pem"),
        (format!("role = \"king\"\n{good}"), "king"),
        (good.replace("127.0.0.1:0", "somewhere"), "listen"),
        (good.replace("free_bytes_min", "bytes_max = 10\nfree_bytes_min"), "store.bytes_max"),
        (format!("{good}[log]\nfilter = \"inf\"\n"), "no level"),
        (format!("identity = {:?}\n{good}", ground.path("pool/seed.pem")), "role = \"seed\""),
        (good.replace("[\"127.0.0.1:0\"]", "[]"), "listen"),
        (good.replace("pool.json", "publisher.pem"), "publisher.pem"),
        (good.replace("pool.json", "nowhere.json"), "nowhere.json"),
    ] {
        let output = program(&ground, &text).arg("--check-config").output().unwrap();
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(
            said(&output).starts_with("pollux-node: ") && said(&output).contains(words),
            "{}",
            said(&output)
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_start_that_fails_says_what_to_do() {
    let ground = Ground::new();
    let mut command = program(&ground, &config(&ground));
    std::fs::create_dir(ground.path("store")).unwrap();
    std::fs::write(ground.path("store/FORMAT"), "pollux store 1\n").unwrap();
    std::fs::write(ground.path("store/records.redb"), "no database").unwrap();
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(said(&output).contains("store/records.redb: "), "{}", said(&output));
    assert!(said(&output).contains("\n  hint: delete this file"), "{}", said(&output));
}

#[test]
fn a_pool_file_that_cannot_be_read_says_what_to_do() {
    let ground = Ground::new();
    for (place, words) in [("nowhere.json", "pollux pool init"), ("", "pollux pool init")] {
        let config = config(&ground).replace("pool.json", place);
        let output = program(&ground, &config).output().unwrap();
        assert_eq!(output.status.code(), Some(78), "{}", said(&output));
        assert!(said(&output).contains("\n  hint: ") && said(&output).contains(words), "{}", said(&output));
    }
}

/// Root's files in the directory of the daemon's user would keep the daemon from starting.
#[test]
fn root_makes_nothing_in_the_directory_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let ground = Ground::new();
    let (seed, node) = (ground.path("pool/seed.pem"), config(&ground));
    let seed = format!("role = \"seed\"\nidentity = {seed:?}\n{node}");
    for (config, verb, made) in [(&seed, &["seed", "begin"][..], "store"), (&node, &["peer-id"], "run")] {
        let made = ground.path(made);
        std::fs::create_dir(&made).unwrap();
        std::os::unix::fs::chown(&made, Some(65_534), None).unwrap();
        let output = program(&ground, config).args(verb).output().unwrap();
        assert_eq!(output.status.code(), Some(78), "{}", said(&output));
        assert!(
            said(&output).contains("uid 65534") && said(&output).contains("runuser -u"),
            "{}",
            said(&output)
        );
        assert_eq!(std::fs::read_dir(&made).unwrap().count(), 0, "nothing was made");
    }
}

#[test]
fn flags_win_over_the_file() {
    let ground = Ground::new();
    let mut command = program(&ground, &config(&ground));
    command.args(["--check-config", "--role", "seed", "--identity"]).arg(ground.path("pool/seed.pem"));
    let output = command.env("POLLUX_NODE_STORE", "/elsewhere").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("(Seed)") && shown.contains("store   /elsewhere ("), "{shown}");
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    let ground = Ground::new();
    for flags in [["--role", "king"], ["--listen", "nowhere"]] {
        let output = program(&ground, "").args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
}

#[test]
fn the_program_gets_ready_and_stops_cleanly_on_both_signals() {
    let ground = Ground::new();
    for signal in [Signal::TERM, Signal::INT] {
        let everywhere = config(&ground).replace("127.0.0.1:0", "0.0.0.0:0");
        let mut command = program(&ground, &everywhere);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let socket = ground.path("run/pollux.sock");
        assert!(line.starts_with("ready peer="), "{line}");
        assert!(line.contains(" listen=0.0.0.0:") && line.contains(&format!(" socket={}", socket.display())));
        assert!(socket.exists());
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(!socket.exists());
    }
}

#[test]
fn a_seed_goes_on_after_a_loss_only_with_the_flag() {
    let ground = Ground::new();
    let config =
        format!("role = \"seed\"\nidentity = {:?}\n{}", ground.path("pool/seed.pem"), config(&ground));
    let refused = program(&ground, &config).output().unwrap();
    assert_eq!(refused.status.code(), Some(78));
    let words = said(&refused);
    assert!(
        words.contains("no marker") && words.contains("hint: ") && words.contains("--init-empty"),
        "{words}"
    );
    let bare = program(&ground, &config).args(["seed", "recover"]).output().unwrap();
    assert_eq!(bare.status.code(), Some(2), "{}", said(&bare));
    assert!(said(&bare).contains("--accept-loss"));
    let accepted = program(&ground, &config).args(["seed", "recover", "--accept-loss"]).output().unwrap();
    assert_eq!(accepted.status.code(), Some(0), "{}", said(&accepted));
    assert!(String::from_utf8(accepted.stdout).unwrap().contains("the loss is accepted"));
    let again = program(&ground, &config).arg("--init-empty").output().unwrap();
    assert!(said(&again).contains("start without --init-empty"), "{}", said(&again));
}

#[test]
fn every_verb_has_a_page_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollux-node"));
    let output = command.env_clear().arg("man").arg(directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let pages = [
        "pollux-node.1",
        "pollux-node-check.1",
        "pollux-node-peer-id.1",
        "pollux-node-seed.1",
        "pollux-node-seed-recover.1",
    ];
    for page in pages {
        assert!(names(directory.path()).contains(&page.to_owned()), "{page}");
    }
    let manual = std::fs::read_to_string(directory.path().join("pollux-node.1")).unwrap();
    assert!(manual.contains("\\-\\-check\\-config"), "{manual}");
}

/// Runs it with a file as standard error, which the service manager calls the journal or does not.
fn journalled(ground: &Ground, command: &mut Command, named: bool) -> String {
    let path = ground.path("journal");
    let file = std::fs::File::create(&path).unwrap();
    let stat = file.metadata().unwrap();
    if named {
        command.env("JOURNAL_STREAM", format!("{}:{}", stat.dev(), stat.ino()));
    }
    command.stderr(file).stdout(Stdio::null()).status().unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_line_has_its_priority_where_standard_error_is_the_journal() {
    let ground = Ground::new();
    let wrong = format!("{}bytes_maximum = 3\n", config(&ground));
    let fatal = journalled(&ground, &mut program(&ground, &wrong), true);
    assert!(fatal.starts_with("<3>pollux-node: ") && fatal.lines().count() > 1, "{fatal}");
    assert!(fatal.lines().all(|line| line.starts_with("<3>")), "{fatal}");
    let usage = journalled(&ground, program(&ground, "").args(["--role", "king"]), true);
    assert!(usage.starts_with("<3>error: ") && usage.lines().all(|line| line.starts_with("<3>")), "{usage}");
    let elsewhere = journalled(&ground, &mut program(&ground, &wrong), false);
    assert!(elsewhere.starts_with("pollux-node: ") && !elsewhere.contains("<3>"), "{elsewhere}");
    std::fs::write(ground.path("taken"), "").unwrap();
    let broken = config(&ground).replace("/run", "/taken/run");
    assert!(journalled(&ground, &mut program(&ground, &broken), true).starts_with("<3>pollux-node: "));
}
