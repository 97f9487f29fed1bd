//! The node on one screen of 80 columns and 24 lines.

use super::Report;
use crate::cli::output::{count, printable};
use indicatif::HumanBytes;
use pollux_client::health::Check;
use pollux_client::protocol::{Ending, Further, NodeStatus, SeedStatus};
use pollux_core::Timestamp;

/// Of a terminal as it always was.
const COLUMNS: usize = 80;
/// The same.
const LINES: usize = 24;
/// Seeds that are named, those in trouble first; a pool rarely has more than four.
const SEEDS_SHOWN: usize = 5;

/// Checks whose reason is what matters.
const WITH_WHY: [&str; 3] = ["membership", "signing", "version"];

/// The screen: what is wrong comes last. What does not fit is counted, and `--json` has it.
pub(super) fn words(report: &Report, now: Timestamp) -> String {
    let (status, more) = (&report.status, report.more.as_ref());
    let mut lines = node(status, more, now);
    lines.extend(seeds(status, more));
    lines.extend(doings(status, more));
    let room = LINES.saturating_sub(lines.len() + 1);
    lines.extend(trouble(&report.trouble, room));
    lines.join("\n")
}

/// Who it is, and what it goes by.
fn node(status: &NodeStatus, more: Option<&Further>, now: Timestamp) -> Vec<String> {
    let engine = &status.engine;
    let joined = match (engine.joined, status.role.as_str()) {
        (true, "seed") if engine.silent.is_some() => "a seed that SIGNS NOTHING".to_owned(),
        (true, "seed") => "a seed, and signs".to_owned(),
        (true, _) => format!("joined{}", membership(more)),
        (false, _) => {
            format!("not joined{}", engine.refused.map_or_else(String::new, |why| format!(": {why}")))
        }
    };
    let policy = left(now, status.policy_expires_ms);
    let root = left(now, engine.root_expires_ms);
    let head = format!(
        "{} ({}) of pool {}, up {}",
        printable(&status.software),
        printable(&status.role),
        printable(&status.pool),
        uptime(status.uptime_seconds)
    );
    let yanks = count(engine.yanks, "yank");
    vec![
        cut(head),
        line("peer", &printable(&status.peer)),
        line(
            "policy",
            &format!(
                "version {}, ends {policy}; root {root}{}; {yanks}",
                status.policy_version,
                token(more, now)
            ),
        ),
        line("pool", &joined),
    ]
}

fn membership(more: Option<&Further>) -> String {
    let left = more.and_then(|more| more.membership_left_ms);
    left.map_or_else(String::new, |left| format!("; a member for another {} min", left / 60_000))
}

fn token(more: Option<&Further>, now: Timestamp) -> String {
    let end = more.and_then(|more| more.ends.iter().find(|end| end.what == Ending::Token));
    end.map_or_else(String::new, |end| format!(", token {}", left(now, end.expires_ms)))
}

fn seeds(status: &NodeStatus, more: Option<&Further>) -> Vec<String> {
    let (there, all) = (status.engine.seeds_connected, status.engine.seeds_total);
    let Some(more) = more else { return vec![line("seeds", &format!("{there} of {all} seeds connected"))] };
    let reached = more.seeds.iter().filter(|seed| seed.connected).count();
    let agree = more.seeds.iter().filter(|seed| seed.connected && seed.agrees == Some(true)).count();
    let mut lines =
        vec![line("seeds", &format!("{reached} of {all} reached, {agree} go by the same papers"))];
    let mut sorted: Vec<&SeedStatus> = more.seeds.iter().collect();
    sorted.sort_by_key(|seed| (seed.connected, seed.agrees != Some(false)));
    lines.extend(sorted.iter().take(SEEDS_SHOWN).map(|seed| cut(format!("  {}", about(seed)))));
    if sorted.len() > SEEDS_SHOWN {
        lines.push(format!("  and {} more", sorted.len() - SEEDS_SHOWN));
    }
    lines
}

fn about(seed: &SeedStatus) -> String {
    let name = seed.peer.to_string();
    let end = name.get(name.len().saturating_sub(6)..).unwrap_or_default();
    let address = seed.addresses.first().map(|address| printable(address)).unwrap_or_default();
    let reached = match (seed.is_self, seed.connected) {
        (true, _) => "this node",
        (false, true) => "reached",
        (false, false) => "NOT REACHED",
    };
    let agrees = match (seed.agrees.filter(|_| seed.connected), seed.policy_version) {
        (Some(true), _) => ", agrees".to_owned(),
        (Some(false), Some(version)) => format!(", DIFFERS (policy {version})"),
        (Some(false), None) => ", DIFFERS".to_owned(),
        (None, _) => String::new(),
    };
    let software =
        if seed.software.is_empty() { String::new() } else { format!(", {}", printable(&seed.software)) };
    format!("…{end} {address}  {reached}{agrees}{software}")
}

/// What it does.
fn doings(status: &NodeStatus, more: Option<&Further>) -> Vec<String> {
    let engine = &status.engine;
    let least = more
        .map_or_else(String::new, |more| format!(", {} kept free", HumanBytes(more.store_free_bytes_min)));
    let mut lines = vec![
        line(
            "peers",
            &format!(
                "{} connected, {} banned; {} came",
                engine.peers,
                engine.banned,
                count(engine.junk_chunks, "wrong chunk")
            ),
        ),
        line(
            "store",
            &format!(
                "{}, {} of {}; {} free{least}",
                count(status.store_chunks, "chunk"),
                HumanBytes(status.store_bytes),
                HumanBytes(status.store_bytes_max),
                HumanBytes(status.disk_free_bytes)
            ),
        ),
        line(
            "knows",
            &[count(engine.manifests, "manifest"), count(engine.relays, "relayed answer")].join(", "),
        ),
        line("jobs", &format!("{} now, {} under way", engine.jobs, count(engine.fetches, "chunk"))),
    ];
    lines.extend(more.map(|more| line("asked", &asked(more))));
    let saves =
        |more: &Further| format!("{} published, {} not", more.asked.published, more.asked.not_published);
    lines.extend(more.map(|more| line("saves", &saves(more))));
    lines
}

fn asked(more: &Further) -> String {
    let asked = &more.asked;
    let misses: u64 = asked.misses.values().sum();
    let mut reasons: Vec<(&String, &u64)> = asked.misses.iter().collect();
    reasons.sort_by_key(|(name, count)| (core::cmp::Reverse(**count), (*name).clone()));
    let reasons: Vec<String> =
        reasons.iter().take(3).map(|(name, count)| format!("{count} {}", printable(name))).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    format!("{}, {}{reasons}", count(asked.hits, "hit"), count(misses, "miss"))
}

/// As much of it as fits, each in as many lines as it needs.
fn trouble(checks: &[Check], room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, check) in checks.iter().enumerate() {
        let block = wrapped(&one(check));
        let last = number + 1 == checks.len();
        if lines.len() + block.len() > room.saturating_sub(usize::from(!last)) {
            lines.push(format!("and {} more: `pollux doctor`", checks.len() - number));
            break;
        }
        lines.extend(block);
    }
    lines
}

fn one(check: &Check) -> String {
    // Elsewhere the words say it, and `pollux doctor` says more.
    let why = check.why.as_deref().filter(|_| WITH_WHY.contains(&check.check));
    let because = why.map_or_else(String::new, |why| format!(" ({why})"));
    let todo = check.todo.as_deref().map_or_else(String::new, |todo| format!(": {todo}"));
    format!("warning: {}{because}{todo}", check.what)
}

/// Broken between words, so that every line fits.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= COLUMNS {
            *line += " ";
            *line += word;
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines
}

fn line(name: &str, value: &str) -> String {
    cut(format!("{name:10} {value}"))
}

fn cut(text: String) -> String {
    if text.chars().count() <= COLUMNS {
        return text;
    }
    text.chars().take(COLUMNS - 1).chain(['…']).collect()
}

fn left(now: Timestamp, expires_ms: u64) -> String {
    let hours = Timestamp::from_millis(expires_ms).since(now).as_secs() / 3600;
    match hours {
        0 => "now".to_owned(),
        1..48 => format!("in {hours} h"),
        _ => format!("in {} d", hours / 24),
    }
}

fn uptime(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;
