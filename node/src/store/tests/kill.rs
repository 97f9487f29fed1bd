//! A process that is killed at any moment: whatever it had acknowledged is there.
use super::{chunk, envelope, gives, vote};
use crate::store::{Store, StoreOptions};
use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

const DIRECTORY: &str = "POLLUX_TEST_STORE";
const OPTIONS: StoreOptions = StoreOptions { bytes_max: Some(1 << 30), free_bytes_min: 0 };

/// Runs in the child: puts, syncs, votes and acknowledges until it is killed.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let (store, _) = Store::open(&directory, OPTIONS).unwrap();
    let mut out = std::io::stdout().lock();
    for number in 0..100_000 {
        store.put(&chunk(number)).unwrap();
        if number % 7 == 0 {
            store.record(&vote(&number.to_string(), number.into())).unwrap();
        } else {
            store.sync().unwrap();
        }
        writeln!(out, "\nacknowledged {number}").unwrap();
    }
}

#[test]
fn what_a_killed_node_acknowledged_is_there() {
    for after in [1, 10, 45] {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::kill::child", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut numbers = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u32>().ok());
        let seen: Vec<u32> = numbers.by_ref().take(after).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged: Vec<u32> = seen.into_iter().chain(numbers).collect();
        assert!(acknowledged.len() >= after);

        let (store, recovery) = Store::open(directory.path(), OPTIONS).unwrap();
        for number in acknowledged {
            assert!(gives(&store, &chunk(number)), "chunk {number}");
            let voted = recovery.votes.iter().any(|(manifest, _)| *manifest == envelope(&number.to_string()));
            assert_eq!(voted, number % 7 == 0, "vote {number}");
        }
    }
}
