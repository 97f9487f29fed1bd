//! What goes wrong under systemd, and what the journal and the service manager make of it.

use super::site::Site;

/// What `systemd-analyze security` may find of what runs.
const EXPOSURE_MAX: f64 = 2.0;
const NODE: &str = "pollux-node";
const SEED: &str = "pollux-seed";

pub(crate) fn little_is_exposed(site: &Site) {
    for (place, unit) in [("seed", SEED), ("instance", NODE)] {
        let said = site.run(place, &format!("systemd-analyze security --no-pager {unit}"));
        let line = said.lines().find(|line| line.contains("Overall exposure level")).unwrap();
        let figure = line.rsplit_once(": ").unwrap().1.split(' ').next().unwrap();
        assert!(figure.parse::<f64>().unwrap() <= EXPOSURE_MAX, "{place}: {line}");
    }
}

/// A drop-in as `systemctl edit` writes it, and the unit started again with it.
fn edit(site: &Site, place: &str, unit: &str, lines: &str) {
    let directory = format!("/etc/systemd/system/{unit}.service.d");
    site.run(
        place,
        &format!("mkdir -p {directory}; printf '{lines}' > {directory}/test.conf; systemctl daemon-reload"),
    );
}

fn unedit(site: &Site, place: &str, unit: &str) {
    site.run(
        place,
        &format!("rm -r /etc/systemd/system/{unit}.service.d; systemctl daemon-reload; systemctl reset-failed {unit} || true"),
    );
}

/// One that hangs, one that is killed, and one that is told to start again.
pub(crate) fn daemons_come_back(site: &Site) {
    let place = "instance";
    edit(site, place, NODE, r"[Service]\nWatchdogSec=2s\nRestartSec=100ms\n");
    let ready = "curl -sf http://127.0.0.1:9480/readyz";
    site.run(place, &format!("systemctl restart {NODE}"));
    site.until(place, ready);
    for (signal, result) in [("STOP", "watchdog"), ("KILL", "killed")] {
        site.run(
            place,
            &format!("pid=$(systemctl show -P MainPID {NODE}); kill -{signal} $pid; while kill -0 $pid; do sleep 0.1; done 2>/dev/null"),
        );
        site.until(place, ready);
        let journal = site.run(place, &format!("journalctl --no-pager -u {NODE}"));
        assert!(journal.contains(result), "{journal}");
    }
    let restarts = site.run(place, &format!("systemctl show -P NRestarts {NODE}"));
    assert_eq!(restarts, "2\n");
    unedit(site, place, NODE);
    site.run(place, &format!("systemctl restart {NODE}"));
    site.until(place, ready);
}

/// The unit fails at its first start, with these words, and is not started again.
fn fails_for_good(site: &Site, place: &str, unit: &str, words: &str) {
    let started = site.machine(place).run(&format!("systemctl start {unit}")).unwrap();
    assert_ne!(started.status, Some(0), "{words}");
    let show = format!("systemctl show -P ActiveState -P NRestarts -P ExecMainStatus {unit}");
    let state = site.run(place, &show);
    let journal = site.run(place, &format!("journalctl --no-pager -n 20 -u {unit}"));
    assert!(journal.contains(words), "{words}: {journal}");
    let mut facts: Vec<&str> = state.lines().collect();
    facts.sort_unstable();
    assert_eq!(facts, ["0", "78", "failed"], "{words}: {journal}");
}

/// On a machine that is to be a seed later, where nothing runs yet.
pub(crate) fn what_does_not_mend_is_said_once(site: &Site) {
    let place = "seed-2";
    let start = site.machine(place).run(&format!("systemctl start {SEED}")).unwrap();
    assert!(start.status != Some(0) && start.stderr.contains("Assertion failed"), "{start:?}");
    let read = |from: &str, path: &str| std::fs::read_to_string(site.machine(from).path(path)).unwrap();
    let pool = read("office", "pool/pool.json");
    let write = |text: &str| std::fs::write(site.machine(place).path("/etc/pollux/pool.json"), text).unwrap();
    write(&pool);
    site.run(place, "chmod 644 /etc/pollux/pool.json");
    edit(site, place, SEED, r"[Unit]\nAssertPathExists=\n[Service]\nLoadCredential=\n");
    fails_for_good(site, place, SEED, "LoadCredential=seed-key:FILE");
    unedit(site, place, SEED);
    write(&format!("{pool}{pool}"));
    fails_for_good(site, place, NODE, "pool.json: there are two pools in this file");
    write("{}");
    site.run(place, &format!("systemctl reset-failed {NODE}"));
    fails_for_good(site, place, NODE, "pool.json");
    site.run(place, &format!("systemctl reset-failed {NODE}; rm /etc/pollux/pool.json"));
}

/// A port that somebody has, and a clock that is behind.
pub(crate) fn what_may_mend_is_tried_again(site: &Site) {
    let say = |words: &str| format!("journalctl --no-pager -u {NODE} | grep -F '{words}'");
    site.run("seed", &format!("systemctl start --no-block {NODE}"));
    site.until("seed", &say("cannot listen on 0.0.0.0:4480"));
    site.until("seed", &format!("test $(systemctl show -P NRestarts {NODE}) -gt 0"));
    site.run("seed", &format!("systemctl stop {NODE}; systemctl reset-failed {NODE} || true"));
    let place = "instance";
    edit(
        site,
        place,
        NODE,
        r"[Service]\nExecStart=\nExecStart=/usr/bin/pollux-node --wall-clock-shift -3600\n",
    );
    site.run(place, &format!("systemctl restart {NODE}"));
    // The pool file was signed an hour from now, as this machine sees it; it knew that pool before.
    site.until(place, &say("clock is slow"));
    let doctor = site.machine(place).run("pollux doctor").unwrap();
    assert!(doctor.status == Some(1) && doctor.stdout.contains("clock"), "{doctor:?}");
    site.run(place, &format!("systemctl stop {NODE}"));
    unedit(site, place, NODE);
    site.run(place, &format!("systemctl start {NODE}"));
    site.until(place, "curl -sf http://127.0.0.1:9480/readyz");
}

/// Its disk is gone, and nobody says whether that is meant.
pub(crate) fn a_lone_seed_without_its_disk_says_so(site: &Site) {
    site.run("seed", &format!("systemctl stop {SEED}; rm -rf /var/lib/pollux/*"));
    fails_for_good(site, "seed", SEED, "hint: on the very first start");
}

const READY: &str = "curl -sf http://127.0.0.1:9480/readyz";

/// Its operator gave it little room, and more is published than fits: saves are refused in words, restores go on.
pub(crate) fn a_seed_fills_up(site: &Site) {
    site.run(
        "seed",
        &format!("sed -i 's/^# bytes_max = .*/bytes_max = 4000000/' /etc/pollux/seed.toml; systemctl restart {SEED}"),
    );
    site.until("seed", READY);
    site.until("office", READY);
    let fill = "for number in $(seq 12); do
        mkdir -p fill-$number; head -c 600000 /dev/urandom > fill-$number/file
        pollux save demo/main/fill/$number fill-$number --signing-key pool/publisher.pem 2> said || { echo $?; cat said; exit 0; }
    done";
    let said = site.run("office", fill);
    assert!(
        said.lines().any(|line| line == "5") && said.contains("full") && said.contains("bytes_max"),
        "{said}"
    );
    let part = site.metric("seed", "pollux_store_bytes") / site.metric("seed", "pollux_store_max_bytes");
    assert!(part > 0.8, "{part}");
    assert!(site.metric("seed", "pollux_offers_refused_total") > 0.5);
    let hit =
        "pollux restore demo/main/fill/1 back --json | jq -e '.result == \"hit\"'; cmp back/file fill-1/file";
    site.run("office", &format!("rm -rf back; {hit}"));
    let doctor = site.machine("seed").run("pollux doctor --socket /run/pollux-seed/pollux.sock").unwrap();
    assert!(doctor.stdout.contains("bytes_max"), "{doctor:?}");
}

/// What was done helped, and what it had refused can be saved.
pub(crate) fn a_seed_has_room_again(site: &Site) {
    let saved = "for fill in fill-*; do pollux save demo/main/fill/${fill#fill-} $fill --signing-key pool/publisher.pem; done";
    site.run("office", saved);
    site.run("seed", "pollux doctor --socket /run/pollux-seed/pollux.sock");
    assert!(site.metric("seed", "pollux_store_max_bytes") > 7e9);
}

/// Then something is published that it does not have.
pub(crate) fn a_snapshot_is_taken(site: &Site) {
    site.run(
        "seed-2",
        &format!("systemctl stop {SEED}; cp -a /var/lib/pollux /root/snapshot; systemctl start {SEED}"),
    );
    site.until("seed-2", READY);
    site.until("office", "pollux save demo/main/since/1 cache --signing-key pool/publisher.pem");
}

/// It runs no more, its disk is an older one.
pub(crate) fn a_snapshot_is_put_back(site: &Site) {
    let put = "rm -rf /var/lib/pollux/*; cp -a /root/snapshot/. /var/lib/pollux/";
    site.run("seed-2", &format!("systemctl stop {SEED}; {put}"));
}

/// It signed nothing before it knew what was published since.
pub(crate) fn the_snapshot_was_noticed(site: &Site) {
    let journal = site.run("seed-2", &format!("journalctl --no-pager -n 40 -u {SEED}"));
    let at = |words: &str| journal.rfind(words).unwrap_or_else(|| panic!("{words}: {journal}"));
    let since = at("manifest certified");
    assert!(at("the disk was rolled back") < since && since < at("this seed signs from now on"), "{journal}");
}
