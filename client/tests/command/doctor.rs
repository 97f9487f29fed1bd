//! `pollux status`, `pollux doctor` and `pollux bugreport` of a node that says what it is told to.

use crate::pollux;
use crate::scene::Scene;
use pollux_client::clock::now;
use pollux_client::protocol::{
    Further, LoggedWarning, NodeStatus, Overview, Place, Reply, Request, SeedStatus, encode,
};
use pollux_core::engine::EngineStatus;
use pollux_core::message::Refusal;
use pollux_core::{PeerId, PoolFile, Token};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// A pool whose seed is only a socket that takes connections.
struct Site {
    scene: Scene,
    _listener: TcpListener,
    address: String,
}

impl Site {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        Self { scene: Scene::with_seeds(&[&address]), _listener: listener, address }
    }

    fn status(&self) -> NodeStatus {
        let year = now().after(Duration::from_secs(365 * 86_400)).as_millis();
        NodeStatus {
            software: format!("pollux-node {}", env!("CARGO_PKG_VERSION")),
            pool: "ci".to_owned(),
            peer: PeerId::new(self.scene.key("publisher").public()).to_string(),
            role: "node".to_owned(),
            uptime_seconds: 90,
            engine: EngineStatus {
                joined: true,
                seeds_connected: 1,
                seeds_total: 1,
                root_expires_ms: year,
                ..EngineStatus::default()
            },
            store_chunks: 1,
            store_bytes: 10,
            store_bytes_max: 100,
            disk_free_bytes: 1 << 40,
            policy_version: 1,
            policy_expires_ms: year,
        }
    }

    fn more(&self) -> Further {
        let shown = |name: &str| self.scene.path(name).display().to_string();
        Further {
            clock_ms: now().as_millis(),
            membership_left_ms: Some(600_000),
            seeds: vec![SeedStatus {
                peer: PeerId::new(self.scene.key("seed").public()),
                addresses: vec![self.address.clone()],
                is_self: false,
                connected: true,
                admits: true,
                software: "pollux-node 0.1.0".to_owned(),
                policy_version: Some(1),
                agrees: Some(true),
                clock_ahead_ms: Some(12),
                clock_heard_ms: Some(10),
            }],
            place: Place { pool_file: shown("pool/pool.json"), store: shown("store"), ..Place::default() },
            ..Further::default()
        }
    }

    /// Starts the node; each answer is the same.
    fn node(&self, change: impl FnOnce(&mut NodeStatus, &mut Further)) {
        let (mut status, mut more) = (self.status(), self.more());
        change(&mut status, &mut more);
        let overview = Overview { status, more };
        self.scene.node(9, move |request| match request {
            Request::Overview => Reply::Overview(Box::new(overview.clone())),
            _ => Reply::Refused { why: "another question".to_owned() },
        });
    }

    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let mut command = pollux(&[arguments, &["--json"]].concat());
        let output =
            command.current_dir(self.scene.path("")).env("POLLUX_SOCKET", "node.sock").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), serde_json::from_str(&text).unwrap())
    }

    /// The checks that are not well, by name, with their words; and the status.
    fn trouble(&self) -> (i32, Vec<(String, String)>) {
        let (status, report) = self.json(&["doctor", "--pool", "pool/pool.json"]);
        let checks = report
            .pointer("/checks")
            .and_then(Value::as_array)
            .unwrap()
            .iter()
            .filter(|check| check.pointer("/level").unwrap() != "ok");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found: Vec<_> = checks
            .map(|check| {
                (
                    text(&check["check"]),
                    format!("{} | {} | {}", text(&check["what"]), text(&check["why"]), text(&check["todo"])),
                )
            })
            .collect();
        assert_eq!(report.pointer("/result").unwrap() == "well", status == 0);
        (status, found)
    }

    /// The one thing that is wrong.
    fn wrong(&self) -> (String, String) {
        let (status, mut found) = self.trouble();
        assert_eq!((status, found.len()), (1, 1), "{found:#?}");
        found.remove(0)
    }

    fn put(&self, change: impl FnOnce(&mut PoolFile)) {
        let mut file = self.scene.pool_file();
        change(&mut file);
        fs::write(self.scene.path("pool/pool.json"), file.to_json()).unwrap();
    }
}

#[test]
fn a_healthy_node() {
    let site = Site::new();
    site.node(|_, _| {});
    let told = site.scene.run(&["doctor"]);
    assert!(told.starts_with("status 0\n") && told.contains("All is well."), "{told}");
    assert!(
        !told.contains("NO ") && told.lines().filter(|line| line.starts_with("ok  ")).count() >= 9,
        "{told}"
    );
    assert_eq!(site.trouble(), (0, Vec::new()));
    let screen = site.scene.run(&["status"]);
    assert!(
        screen.contains("1 of 1 reached, 1 go by the same papers") && !screen.contains("warning"),
        "{screen}"
    );
}

#[test]
fn without_a_node_the_rest_is_looked_at() {
    let site = Site::new();
    let (check, words) = site.wrong();
    assert!(check == "socket" && words.contains("there is no socket node.sock"), "{words}");
    fs::write(site.scene.path("node.sock"), "").unwrap();
    assert!(site.wrong().1.contains("nobody listens on node.sock"));
}

#[test]
fn pool_files_that_are_none() {
    let site = Site::new();
    site.node(|_, _| {});
    let path = site.scene.path("pool/pool.json");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, "{}").unwrap();
    assert!(site.wrong().1.contains("is no pool file"));
    fs::write(&path, format!("{good}{good}")).unwrap();
    assert!(site.wrong().1.contains("there are two pools in"), "one after the other");
    fs::write(&path, &good).unwrap();
    let other = Scene::new();
    let named = other.pool_file();
    site.put(|file| file.policy = named.policy.clone());
    assert!(site.wrong().1.contains("there are two pools in"), "the policy of another pool of this name");
    fs::write(&path, &good).unwrap();
    let token = |pool: &str, days: u64, by: &str| {
        let expires = now().after(Duration::from_secs(days * 86_400));
        let expires = if days == 0 {
            pollux_core::Timestamp::from_millis(now().as_millis() - 7_260_000)
        } else {
            expires
        };
        let token = Token { pool: pool.to_owned(), serial: "t".to_owned(), expires };
        pollux_core::Envelope::sign(&token, &site.scene.key(by))
    };
    let with = |envelope: pollux_core::Envelope| {
        site.put(|file| file.token = envelope);
        site.wrong()
    };
    assert!(
        with(token("other", 9, "admission")).1.contains("there are two pools in"),
        "a token of another pool"
    );
    let (check, words) = with(token("ci", 9, "publisher"));
    assert!(check == "token" && words.contains("signed by nobody who may admit"), "{words}");
    let (check, words) = with(token("ci", 0, "admission"));
    assert!(check == "token" && words.contains("expired 2 h ago") && words.contains("clock"), "{words}");
    assert!(words.contains("pollux pool token"), "{words}");
}

#[test]
fn a_file_that_the_node_has_read_may_be_out_of_sight() {
    let site = Site::new();
    site.node(|_, _| {});
    fs::remove_file(site.scene.path("pool/pool.json")).unwrap();
    let (status, found) = site.trouble();
    assert_eq!((status, found.len(), found[0].0.as_str()), (0, 1, "pool_file"), "{found:?}");
}

#[test]
fn the_socket_may_be_another_users() {
    let site = Site::new();
    site.scene.node(1, |_| Reply::Refused { why: "this user may not use the node".to_owned() });
    assert!(site.wrong().1.contains("this user may not use the node"));
    if rustix::process::geteuid().is_root() {
        return;
    }
    fs::set_permissions(site.scene.path("node.sock"), fs::Permissions::from_mode(0o000)).unwrap();
    assert!(site.wrong().1.contains("this user may not open"));
}

#[test]
fn what_the_node_says_is_judged() {
    type Change = fn(&mut NodeStatus, &mut Further);
    let table: [(&str, &str, Change); 6] = [
        ("clock", "60 min behind", |_, more| more.seeds[0].clock_ahead_ms = Some(3_600_000)),
        ("membership", "several instances behind one address (NAT)", |status, _| {
            (status.engine.joined, status.engine.refused) = (false, Some(Refusal::AddressFull));
        }),
        ("membership", "pollux pool token", |status, _| {
            (status.engine.joined, status.engine.refused) = (false, Some(Refusal::TokenExpired));
        }),
        ("seeds", "seeds that do not answer", |_, more| more.seeds[0].connected = false),
        ("store", "the disk is full", |status, _| status.disk_free_bytes = 0),
        ("store", "its disk has failed", |_, more| more.store_broken = true),
    ];
    for (name, words, change) in table {
        let site = Site::new();
        site.node(change);
        let (check, said) = site.wrong();
        assert!(check == name && said.contains(words), "{name}: {said}");
        let screen = site.scene.run(&["status"]).replace("\n ", "");
        assert!(screen.contains("warning: ") && screen.contains(words), "{screen}");
    }
}

#[test]
fn an_address_that_refuses_is_named() {
    let site = Site::new();
    // A port that was free a moment ago may be somebody's by now; at this one nobody listens.
    let closed = "127.0.0.1:1".to_owned();
    let address = closed.clone();
    site.node(move |_, more| more.seeds[0].addresses = vec![address, "no-such-name.invalid:4480".to_owned()]);
    let (status, found) = site.trouble();
    assert_eq!((status, found.len()), (1, 2), "{found:?}");
    assert!(found[0].1.starts_with(&closed) && found[0].1.contains("the connection is refused"), "{found:?}");
    assert!(found[1].1.contains("the name is not found"), "{found:?}");
}

/// One release back: it knows no `Overview`, and is never asked for it.
#[test]
fn a_node_of_the_version_before_is_understood() {
    let site = Site::new();
    let status = site.status();
    site.scene.node_of_version(2, 9, move |request| match request {
        Request::Status => vec![encode(&Reply::Status(Box::new(status.clone()))).unwrap()],
        _ => vec![encode(&Reply::Refused { why: "another question".to_owned() }).unwrap()],
    });
    let (code, found) = site.trouble();
    assert_eq!((code, found.len(), found[0].0.as_str()), (0, 1, "version"), "{found:?}");
    let (code, report) = site.json(&["status"]);
    assert_eq!((code, &report["engine"]["joined"], &report["seeds"]), (0, &Value::Bool(true), &Value::Null));
    assert!(site.scene.run(&["status"]).contains("1 of 1 seeds connected"));
}

/// Everything that is secret in the scene, as it may be spelled.
fn secrets(site: &Site) -> Vec<String> {
    let mut all = Vec::new();
    for name in ["root", "publisher", "seed", "admission", "yank"] {
        let key = site.scene.key(name);
        all.push(key.seed().iter().map(|byte| format!("{byte:02x}")).collect());
        let pem = fs::read_to_string(site.scene.path(&format!("pool/{name}.pem"))).unwrap();
        all.extend(
            pem.lines().filter(|line| !line.starts_with('-')).map(|line| line[line.len() - 40..].to_owned()),
        );
        all.push(key.public().to_string());
    }
    let token = serde_json::to_value(site.scene.pool_file().token).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.extend(["/payload", "/signatures/0/sig"].map(|part| text(token.pointer(part).unwrap())));
    all
}

#[test]
fn a_bug_report_holds_no_secret() {
    let site = Site::new();
    let all = secrets(&site);
    let logged = all.join(" ");
    site.node(move |status, more| {
        let text = format!("somebody logged this: {logged}");
        more.warnings = vec![LoggedWarning { time_ms: now().as_millis(), level: "warn".to_owned(), text }];
        status.software = "pollux-node 9.9.9".to_owned();
    });
    let told = site.scene.run(&["bugreport", "-o", "report.txt"]);
    assert!(told.starts_with("status 0\n") && told.contains("contains: versions, platform"), "{told}");
    assert!(told.contains("Left out: keys, join tokens, memberships"), "{told}");
    let report = fs::read_to_string(site.scene.path("report.txt")).unwrap();
    for secret in &all {
        assert!(!report.contains(secret.as_str()), "{secret} is in {report}");
    }
    for part in [
        "pollux-node 9.9.9",
        "somebody logged this",
        "== doctor ==",
        "== status ==",
        "policy   1, ends",
        &site.address,
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    let mode = fs::metadata(site.scene.path("report.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = site.scene.run(&["bugreport", "-o", "report.txt"]);
    assert!(again.starts_with("status 2\n") && again.contains("--force"), "{again}");
}

#[test]
fn an_anonymous_bug_report_holds_no_address() {
    let site = Site::new();
    site.node(|_, more| {
        more.seeds[0].addresses = vec!["seed.example.invalid:4480".to_owned()];
        more.place.listen = vec!["192.0.2.44:4480".to_owned()];
    });
    let (code, report) = site.json(&["bugreport", "--anonymous", "-o", "report.txt"]);
    assert_eq!((code, &report["anonymous"]), (0, &Value::Bool(true)));
    let text = fs::read_to_string(site.scene.path("report.txt")).unwrap();
    for address in ["seed.example.invalid", "192.0.2.44", "127.0.0.1"] {
        assert!(!text.contains(address), "{address} is in {text}");
    }
    assert!(text.contains("address-1:4480"), "{text}");
}

/// A report is wanted most where nothing runs.
#[test]
fn a_bug_report_needs_no_node() {
    let site = Site::new();
    let told = site.scene.run(&["bugreport", "--pool", "pool/pool.json", "-o", "-"]);
    assert!(told.starts_with("status 0\n") && told.contains("(does not answer)"), "{told}");
    assert!(told.contains("there is no socket"), "{told}");
}
