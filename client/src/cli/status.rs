//! `pollux status`

mod job;

use super::common::{Common, disabled, parse_seconds};
use super::{Done, output};
use clap::Args;
use indicatif::HumanBytes;
use pollux_client::clock::now;
use pollux_client::flow::status;
use pollux_client::protocol::NodeStatus;
use pollux_core::Timestamp;
use std::time::Duration;

/// A policy that has so long to go is warned of: somebody with root keys has to be found.
const RENEW_BEFORE: Duration = Duration::from_secs(14 * 86_400);

/// Show how the node of this instance is, or what of a job's caches was taken back
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Instead, show which caches were taken back since jobs of this user restored them through this node, and why; status
    /// 9 if there are any
    #[arg(long)]
    job: bool,
    /// Seconds to wait for the node
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let connection = arguments.common.connect(arguments.timeout)?;
    if arguments.job {
        return job::run(&connection, arguments.timeout, arguments.common.json);
    }
    let status = status(&connection, arguments.timeout)?;
    for (what, expires) in [("policy", status.policy_expires_ms), ("root", status.engine.root_expires_ms)] {
        if let Some(warning) = expiry(what, now(), Timestamp::from_millis(expires)) {
            output::say(&warning);
        }
    }
    if arguments.common.json {
        return output::print_json(&status);
    }
    output::print(&words(&status))
}

/// A warning, if the policy or the root does not last long any more.
fn expiry(what: &str, now: Timestamp, expires: Timestamp) -> Option<String> {
    const RENEW: &str = "`pollux pool renew --spread` renews it, with root keys";
    let left = expires.since(now);
    if left > RENEW_BEFORE {
        return None;
    }
    if left.is_zero() {
        return Some(format!("warning: the {what} has expired: {RENEW}"));
    }
    let hours = left.as_secs() / 3600;
    let left = if hours < 48 { format!("{hours} hours") } else { format!("{} days", hours / 24) };
    Some(format!("warning: the {what} expires in {left}: {RENEW}"))
}

fn words(status: &NodeStatus) -> String {
    let engine = &status.engine;
    let joined = if engine.joined { "joined" } else { "not joined" };
    let refused = engine.refused.map(|why| format!("\nrefused    {why}")).unwrap_or_default();
    let refusals: u64 = engine.refusals.values().sum();
    let refusals = if refusals > 0 { format!(", {refusals} joins refused") } else { String::new() };
    let silent = engine.silent.map(|why| format!("\nsilent     {why}")).unwrap_or_default();
    format!(
        "{} ({}) of pool {}\n\
         peer       {}\n\
         up         {} s\n\
         pool       {joined}; {} of {} seeds connected, {} peers\n\
         manifests  {}, and {} relayed answers kept\n\
         now        {} jobs, {} chunks under way\n\
         store      {} chunks, {} of {}; {} free on the disk\n\
         policy     version {}, good until {}; {} yanks\n\
         trouble    {} wrong chunks seen, {} peers banned{refusals}{refused}{silent}",
        status.software,
        status.role,
        status.pool,
        status.peer,
        status.uptime_seconds,
        engine.seeds_connected,
        engine.seeds_total,
        engine.peers,
        engine.manifests,
        engine.relays,
        engine.jobs,
        engine.fetches,
        status.store_chunks,
        HumanBytes(status.store_bytes),
        HumanBytes(status.store_bytes_max),
        HumanBytes(status.disk_free_bytes),
        status.policy_version,
        Timestamp::from_millis(status.policy_expires_ms),
        engine.yanks,
        engine.junk_chunks,
        engine.banned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::engine::{EngineStatus, Silence};
    use pollux_core::message::Refusal;

    fn status() -> NodeStatus {
        NodeStatus {
            software: "pollux-node 0.1.0".to_owned(),
            pool: "ci".to_owned(),
            peer: "12D3".to_owned(),
            role: "node".to_owned(),
            uptime_seconds: 61,
            engine: EngineStatus {
                joined: true,
                seeds_total: 3,
                relays: 4,
                yanks: 2,
                ..EngineStatus::default()
            },
            store_chunks: 5,
            store_bytes: 2048,
            store_bytes_max: 4096,
            disk_free_bytes: 1024,
            policy_version: 6,
            policy_expires_ms: 0,
        }
    }

    #[test]
    fn a_node_is_on_one_screen() {
        let text = words(&status());
        assert!(text.starts_with("pollux-node 0.1.0 (node) of pool ci\npeer       12D3\n"), "{text}");
        for words in [
            "joined; 0 of 3 seeds connected, 0 peers",
            "and 4 relayed answers kept",
            "5 chunks, 2.00 KiB of 4.00 KiB; 1.00 KiB free",
            "version 6, good until 1970-01-01T00:00:00",
            "; 2 yanks\ntrouble",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn a_policy_that_ends_soon_is_warned_of() {
        let warned = |hours: u64| {
            let left = Duration::from_secs(hours * 3600);
            expiry("policy", Timestamp::from_millis(0), Timestamp::from_millis(0).after(left))
                .unwrap_or_default()
        };
        assert_eq!(warned(14 * 24 + 1), "");
        assert!(warned(14 * 24).contains("expires in 14 days"), "{}", warned(14 * 24));
        assert!(warned(30).contains("expires in 30 hours"), "{}", warned(30));
        assert!(warned(0).contains("has expired: `pollux pool renew"), "{}", warned(0));
    }

    #[test]
    fn a_node_that_has_not_joined_says_so() {
        let engine = EngineStatus::default();
        assert!(words(&NodeStatus { engine, ..status() }).contains("not joined; 0 of 0 seeds"));
    }

    #[test]
    fn a_node_that_is_not_let_in_says_why_and_a_seed_how_often() {
        let refusals = [("bad-token".to_owned(), 2), ("address-full".to_owned(), 1)].into();
        let engine = EngineStatus { refused: Some(Refusal::NotByToken), refusals, ..EngineStatus::default() };
        let text = words(&NodeStatus { engine, ..status() });
        assert!(text.contains("0 peers banned, 3 joins refused\nrefused    no token admits"), "{text}");
    }

    #[test]
    fn a_seed_that_signs_nothing_says_why() {
        assert!(!words(&status()).contains("silent"));
        let engine = EngineStatus { silent: Some(Silence::RolledBack), ..EngineStatus::default() };
        let status = NodeStatus { engine, ..status() };
        assert!(
            words(&status)
                .ends_with("\nsilent     the disk was rolled back; it merges what other seeds keep")
        );
        assert!(output::json(&status).unwrap().contains("\"silent\": \"rolled-back\""));
    }

    #[test]
    fn the_object_begins_with_its_version() {
        let text = output::json(&status()).unwrap();
        assert!(text.starts_with("{\n  \"version\": 1,\n  \"software\""), "{text}");
    }
}
