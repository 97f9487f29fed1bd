//! A real Prometheus scrapes a real seed and real nodes: it reads every metric, each rule can be evaluated, and each panel of the
//! dashboard shows something.

use crate::metrics::{node, scene};
use crate::scene::{KEY, Node, Scene, until};
use pollux_node::metrics::{Kind, METRICS};
use pollux_tests::free_port;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// In place of Grafana's own, which is four times the scrape interval at least: all that the story does lies in it.
const WINDOW: &str = "2m";

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/deploy").join(name).canonicalize().unwrap()
}

/// Dropped, it is killed.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    /// One that scrapes these every second; none where the program is not installed.
    fn start(directory: &Path, targets: &[&str]) -> Option<Self> {
        std::fs::create_dir(directory).unwrap();
        let config = serde_json::json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [deploy("alerts.yml")],
            "scrape_configs": [{"job_name": "pollux", "static_configs": [{"targets": targets}]}],
        });
        let file = directory.join("prometheus.yml");
        // What is JSON is YAML.
        std::fs::write(&file, config.to_string()).unwrap();
        let port = free_port().unwrap();
        let mut command = Command::new("prometheus");
        command.arg("--config.file").arg(file).arg("--storage.tsdb.path").arg(directory.join("data"));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.stdout(Stdio::null()).stderr(std::fs::File::create(directory.join("log")).unwrap());
        let prometheus = Self { child: command.spawn().ok()?, port };
        until("Prometheus answers", || prometheus.try_get("/-/ready").is_some_and(|(ready, _)| ready));
        Some(prometheus)
    }

    /// Whether it is well, and what it says.
    fn try_get(&self, path: &str) -> Option<(bool, String)> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(socket, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split_whitespace().nth(1)? == "200", body.to_owned()))
    }

    fn get(&self, path: &str) -> Value {
        let (well, body) = self.try_get(path).unwrap();
        assert!(well, "{path}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["data"].take()
    }

    /// The value of each series that an expression gives now.
    fn values(&self, expression: &str) -> Vec<f64> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let found = self.get(&format!("/api/v1/query?query={encoded}"));
        let series = found["result"].as_array().unwrap();
        series.iter().map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    fn value(&self, expression: &str) -> f64 {
        self.values(expression).first().copied().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Saves, hits and misses, each where Prometheus has seen what was before.
fn work(prometheus: &Prometheus, scene: &Scene, [a, b]: [&Node; 2]) {
    until("everybody is scraped", || prometheus.value("count(pollux_build_info)") > 2.5);
    let missed = b.pollux.restore(KEY, &scene.path("nothing"), &[]).unwrap();
    assert_eq!(missed.result(), "miss", "{missed:?}");
    let tree = scene.tree("watched");
    scene.save(a, &tree);
    b.meet_holders();
    scene.restore(b, "restored", &tree);
    for series in ["hits_total", "misses_total", "receipts_total", "restore_seconds_count"] {
        until(series, || prometheus.value(&format!("sum(pollux_{series})")) > 0.5);
    }
}

/// What it calls each metric of ours, and its kind and help.
fn scraped(prometheus: &Prometheus) -> BTreeMap<String, (String, String)> {
    let found = prometheus.get("/api/v1/targets/metadata?match_target=%7Bjob%3D%22pollux%22%7D");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let metadata = found.as_array().unwrap().iter();
    metadata.map(|each| (text(&each["metric"]), (text(&each["type"]), text(&each["help"])))).collect()
}

/// Names of series as they are stored, those of Prometheus itself and of the rules left out.
fn stored(prometheus: &Prometheus) -> BTreeSet<String> {
    let found = prometheus.get("/api/v1/label/__name__/values");
    let names = found.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with("pollux_") || name.starts_with("process_")).collect()
}

fn every_metric_is_read(prometheus: &Prometheus) {
    let kind = |kind| match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let described =
        METRICS.iter().map(|each| (each.name.into(), (kind(each.kind).into(), each.help.into()))).collect();
    assert_eq!(scraped(prometheus), described);
    let ends = |kind| match kind {
        Kind::Counter | Kind::Gauge => &[""][..],
        Kind::Histogram => &["_bucket", "_sum", "_count"],
    };
    let series =
        METRICS.iter().flat_map(|each| ends(each.kind).iter().map(|end| format!("{}{end}", each.name)));
    assert_eq!(stored(prometheus), series.collect());
}

fn rules(prometheus: &Prometheus) -> Vec<Value> {
    let found = prometheus.get("/api/v1/rules");
    let groups = found["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Each can be evaluated, and none fires for a pool that is well. One may be about to: a scrape comes late on a busy machine.
fn every_rule_is_well(prometheus: &Prometheus) {
    until("every rule is evaluated", || rules(prometheus).iter().all(|rule| rule["health"] != "unknown"));
    let rules = rules(prometheus);
    assert!(rules.len() > 30);
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(rule["state"], "firing", "{rule}");
    }
}

/// What every panel asks, as Grafana would with all pools and instances chosen.
fn questions() -> Vec<(String, String)> {
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(deploy("grafana.json")).unwrap()).unwrap();
    let mut questions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let name = format!("{} {}", panel["title"], target["refId"]);
            let words = target["expr"].as_str().unwrap().replace("$__rate_interval", WINDOW);
            let words = words.replace("$job", "pollux").replace("$instance", ".+");
            assert!(!words.contains('$'), "{name}: {words}");
            questions.push((name, words));
        }
    }
    questions
}

fn every_panel_shows_something(prometheus: &Prometheus) {
    let questions = questions();
    assert!(questions.len() > 40);
    for (name, words) in questions {
        let values = prometheus.values(&words);
        assert!(values.iter().any(|value| value.is_finite()), "{name}: {words} gives {values:?}");
    }
}

#[test]
fn prometheus_reads_every_metric_and_the_dashboard_shows_each_panel() {
    let scene = scene();
    let (a, b) = (node(&scene, "a"), node(&scene, "b"));
    let targets = [&scene.seed, &a.daemon, &b.daemon].map(|daemon| daemon.metrics.as_str());
    let Some(prometheus) = Prometheus::start(&scene.path("prometheus"), &targets) else {
        println!("prometheus: skipped, since it is not installed");
        return;
    };
    work(&prometheus, &scene, [&a, &b]);
    every_panel_shows_something(&prometheus);
    every_metric_is_read(&prometheus);
    every_rule_is_well(&prometheus);
}
