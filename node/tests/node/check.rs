//! `pollux-node check`, as an operator runs it.

use crate::ground::{Ground, Running};
use pollux_core::{FrameEncoder, VerifiedChunk};
use pollux_node::config::Settings;
use pollux_node::store::{Store, StoreOptions};
use std::process::{Command, Output};

/// The settings of a node whose store has three chunks.
fn with_chunks(ground: &Ground) -> Settings {
    let settings = ground.settings("node");
    let options = StoreOptions { bytes_max: Some(64 << 20), free_bytes_min: 0 };
    let (store, _) = Store::open(&settings.store, options).unwrap();
    for number in 0..3_u8 {
        store.put(&VerifiedChunk::from_plain(&[number; 3000], &mut FrameEncoder::new(1))).unwrap();
    }
    store.sync().unwrap();
    settings
}

fn check(settings: &Settings, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pollux-node"));
    // It needs neither a pool file nor an identity.
    command.env_clear().args(["--pool", "/nowhere/pool.json", "check"]).args(flags);
    command.arg("--store").arg(&settings.store).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn damage(settings: &Settings) {
    let path = settings.store.join("segments/00000000.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.get_mut(28 + 60 + 3).unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_store_is_checked_and_repaired() {
    let ground = Ground::new();
    let settings = with_chunks(&ground);
    let sound = check(&settings, &[]);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound.stderr));
    let first = format!("{}: sound\n", settings.store.display());
    assert!(text(&sound.stdout).starts_with(&first) && text(&sound.stdout).contains("3 whole, in 3 records"));
    assert!(sound.stderr.is_empty(), "{}", text(&sound.stderr));

    damage(&settings);
    let wrong = check(&settings, &[]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stdout).contains("a frame is not what its checksum says, chunk "));
    let hint = "pollux-node: the store is not sound\n  hint: `pollux-node check --repair` quarantines";
    assert!(text(&wrong.stderr).starts_with(hint), "{}", text(&wrong.stderr));

    let json = check(&settings, &["--json"]);
    assert_eq!(json.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&report["version"], &report["sound"], &report["faults"]),
        (&1.into(), &false.into(), &1.into())
    );
    assert_eq!(report["listed_faults"][0]["what"], "frame");

    let repaired = check(&settings, &["--repair"]);
    assert_eq!(repaired.status.code(), Some(0), "{}", text(&repaired.stderr));
    assert!(text(&repaired.stdout).contains(": repaired\n") && text(&repaired.stdout).contains("(repaired)"));
    let sound = check(&settings, &[]);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound.stdout));
    assert!(text(&sound.stdout).contains("1 damaged records that were quarantined"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_a_node_runs_on_is_not_checked() {
    let ground = Ground::new();
    let settings = ground.settings("node");
    let node = Running::start(&settings).await.unwrap();
    for flags in [&[][..], &["--repair"], &["--json"]] {
        let refused = check(&settings, flags);
        assert_eq!(refused.status.code(), Some(1));
        let words = text(&refused.stderr);
        assert!(
            words.contains(&format!("in use by another node (process {})", std::process::id())),
            "{words}"
        );
        assert!(words.contains("\n  hint: a node runs on this store: stop it first"), "{words}");
        assert!(refused.stdout.is_empty());
    }
    node.stop().await;
    assert_eq!(check(&settings, &[]).status.code(), Some(0));
}

#[test]
fn what_cannot_be_checked_is_refused_as_a_start_would_be() {
    let ground = Ground::new();
    let settings = ground.settings("node");
    let absent = check(&settings, &[]);
    assert_eq!(absent.status.code(), Some(78));
    assert!(text(&absent.stderr).contains("there is no store in"), "{}", text(&absent.stderr));
    assert!(!settings.store.exists());
    drop(with_chunks(&ground));
    std::fs::write(settings.store.join("FORMAT"), "pollux store 2\n").unwrap();
    for flags in [&[][..], &["--repair"]] {
        let newer = check(&settings, flags);
        assert_eq!(newer.status.code(), Some(78));
        assert!(text(&newer.stderr).contains("use a newer program"), "{}", text(&newer.stderr));
    }
    std::fs::write(settings.store.join("FORMAT"), "pollux store 1\n").unwrap();
    std::fs::write(settings.store.join("records.redb"), "no database").unwrap();
    let damaged = check(&settings, &[]);
    assert_eq!(damaged.status.code(), Some(78));
    assert!(text(&damaged.stderr).contains("\n  hint: delete this file"), "{}", text(&damaged.stderr));
}

#[test]
fn root_does_not_repair_in_the_directory_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let ground = Ground::new();
    let settings = with_chunks(&ground);
    damage(&settings);
    std::os::unix::fs::chown(&settings.store, Some(65_534), None).unwrap();
    let refused = check(&settings, &["--repair"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(text(&refused.stderr).contains("runuser -u"), "{}", text(&refused.stderr));
    assert_eq!(check(&settings, &[]).status.code(), Some(1), "it may look");
}
