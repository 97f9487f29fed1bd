//! What an operator does next, after a seed was added.

use pollux_client::pool::{must_run, new_seeds};
use pollux_core::{Policy, Seed};
use std::path::Path;

/// Lines about seeds that are new in a policy: how each is started, by `start` if that is known, and when it counts.
pub(super) fn words(before: &Policy, after: &Policy, (pool, start): (&Path, Option<&str>)) -> Vec<String> {
    let mut lines: Vec<String> = new_seeds(before, after).map(|seed| start_of(seed, pool, start)).collect();
    if !lines.is_empty() && must_run(before, after) {
        let count = after.seeds.len();
        lines.push(format!(
            "start it now: {} of the {count} seeds must hold the policy, so the spread counts only once the new one runs",
            after.write
        ));
    }
    lines
}

fn start_of(seed: &Seed, pool: &Path, start: Option<&str>) -> String {
    let start = start.map_or_else(|| flags(seed, pool), str::to_owned);
    format!("  {start}   (the new seed, WITHOUT `seed begin`: it merges what the others keep, then it signs)")
}

fn flags(seed: &Seed, pool: &Path) -> String {
    let address = seed.addresses.first().map_or("", String::as_str);
    let port = address.rsplit(':').next().unwrap_or_default();
    format!(
        "pollux-node --role seed --pool {} --identity KEY --listen 0.0.0.0:{port} --runtime DIR --store DIR",
        pool.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_client::pool::{InitRequest, fresh_key};
    use pollux_client::pool::{NewSeed, OpenPool, QuorumWish, add_seed, init};
    use pollux_core::{PeerId, Timestamp};

    fn lines(seeds: u8, start: Option<&str>) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        init(&InitRequest::new(
            directory.path().join("pool"),
            (1..=seeds).map(|number| format!("192.0.2.{number}:4480")).collect(),
            Timestamp::from_millis(1_793_696_700_000),
        ))
        .unwrap();
        let pool = OpenPool::read(&directory.path().join("pool/pool.json")).unwrap();
        let peer = PeerId::new(fresh_key().unwrap().public());
        let new = NewSeed { peer, addresses: vec!["b.example:4481".to_owned()], replaces: None };
        let after = add_seed(pool.policy(), new, QuorumWish::default()).unwrap();
        words(pool.policy(), &after, (Path::new("pool.json"), start))
    }

    #[test]
    fn a_second_seed_must_run_before_the_change_counts() {
        for (before, must) in [(1, true), (2, false), (3, false), (4, false)] {
            let lines = lines(before, Some("pollux-node --config seed-2.toml"));
            assert!(lines[0].contains("seed-2.toml   (the new seed, WITHOUT `seed begin`"), "{lines:?}");
            assert_eq!(lines.len() == 2, must, "{before}: {lines:?}");
        }
    }

    #[test]
    fn the_flags_are_said_where_there_is_no_configuration() {
        let lines = lines(2, None);
        assert!(
            lines[0].contains("--role seed --pool pool.json --identity KEY --listen 0.0.0.0:4481"),
            "{lines:?}"
        );
    }
}
