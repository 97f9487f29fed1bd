//! What differs between two policies, or roots, in words that a person can check before signing. Keys and peer ids are
//! written in full: they are what is signed.

mod networks;

use super::Quorum;
use super::check::is_everything;
use super::publisher::has_lapsed;
use pollux_core::{Issuer, Pattern, Policy, PublicKey, Publisher, Root, Seed, Timestamp};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// One thing each.
    pub lines: Vec<String>,
    /// Patterns that somebody new gets and that cover every key, or nearly.
    pub everything: Vec<Pattern>,
}

impl Difference {
    /// From one root and policy to others, in the words of now; no root: it stays.
    pub(super) fn between(
        (former, before): (&Root, &Policy),
        (root, after): (Option<&Root>, &Policy),
        now: Timestamp,
    ) -> Self {
        let mut lines = vec![format!("policy {} becomes {}", before.version, after.version)];
        if let Some(root) = root {
            lines.extend(of_root(former, root));
        }
        lines.extend(of_seeds(before, after));
        lines.extend(of_publishers(before, after, now));
        lines.extend(of_issuers(before, after));
        lines.extend(of_keys("admission", &before.admission, &after.admission));
        lines.extend(of_yank_keys(before, after));
        lines.extend(networks::of_networks(before, after));
        lines.extend(of_admission(before, after));
        lines.extend(of_numbers(before, after));
        Self { lines, everything: everything(before, after) }
    }
}

fn of_root(before: &Root, after: &Root) -> Vec<String> {
    let mut lines = vec![format!("root {} becomes {}", before.version, after.version)];
    lines.extend(of_keys("root", &before.keys, &after.keys));
    let count = |root: &Root| format!("{} of {}", root.threshold, root.keys.len());
    lines.push(format!("root keys that must sign: {} before, {} after", count(before), count(after)));
    lines.extend(of_time("the root expires", before.expires, after.expires));
    lines
}

fn of_seeds(before: &Policy, after: &Policy) -> Vec<String> {
    let find = |policy: &Policy, seed: &Seed| policy.seeds.iter().find(|s| s.peer == seed.peer).cloned();
    let mut lines = Vec::new();
    for seed in before.seeds.iter().filter(|seed| find(after, seed).is_none()) {
        lines.push(format!("removes the seed {} at {}", seed.peer, seed.addresses.join(", ")));
    }
    for seed in &after.seeds {
        let here = seed.addresses.join(", ");
        match find(before, seed).map(|old| old.addresses.join(", ")) {
            None => lines.push(format!("adds the seed {} at {here}", seed.peer)),
            Some(old) if old != here => {
                lines.push(format!("moves the seed {} from {old} to {here}", seed.peer));
            }
            Some(_) => {}
        }
    }
    lines.extend(of_quorums(before, after));
    lines
}

fn of_quorums(before: &Policy, after: &Policy) -> Vec<String> {
    let words = |policy: &Policy| {
        let Quorum { write, read, faulty } = Quorum::in_force(policy);
        let seeds = policy.seeds.len();
        format!("of {seeds} seeds {write} make a certificate and {read} an answer, {faulty} may lie")
    };
    let (before, after) = (words(before), words(after));
    if before == after {
        return vec![format!("quorums stay: {after}")];
    }
    vec![format!("quorums before: {before}"), format!("quorums after:  {after}")]
}

fn of_publishers(before: &Policy, after: &Policy, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for old in &before.publishers {
        match after.publishers.iter().find(|new| new.key == old.key) {
            None => lines.push(without_publisher(old, before.manifest_life_max, now)),
            Some(new) if is_retired(old, new, now) => lines.push(retired(new)),
            Some(new) if old.expires <= now && new.expires > now => lines.push(revived(old, new)),
            Some(new) if new != old => lines.push(format!("changes the publisher {}", about_publisher(new))),
            Some(_) => {}
        }
    }
    let is_new = |new: &&Publisher| before.publishers.iter().all(|old| old.key != new.key);
    let new = after.publishers.iter().filter(is_new);
    lines.extend(new.map(|new| format!("adds the publisher {}", about_publisher(new))));
    lines.extend(without_publishers(before, after, now).map(str::to_owned));
    lines
}

/// A word about a change after which nobody publishes under a key that the policy names.
fn without_publishers(before: &Policy, after: &Policy, now: Timestamp) -> Option<&'static str> {
    let active = |policy: &Policy| policy.publishers.iter().any(|publisher| publisher.expires > now);
    (active(before) && !active(after)).then_some(if after.issuers.is_empty() {
        "leaves NO publisher: nothing can be saved until another one is added"
    } else {
        "leaves no publisher: only what an issuer grants can be saved"
    })
}

/// One that had ended and publishes again, perhaps by mistake: whoever retired the key may have had a reason.
fn revived(old: &Publisher, new: &Publisher) -> String {
    format!(
        "lets a key publish AGAIN that had ended as {} at {}: the publisher {}",
        old.name,
        old.expires,
        about_publisher(new)
    )
}

/// A publisher that is in the policy no more.
fn without_publisher(old: &Publisher, manifest_life_max: u64, now: Timestamp) -> String {
    let Publisher { name, key, expires, .. } = old;
    if has_lapsed(old, manifest_life_max, now) {
        format!(
            "drops the publisher {name} ({key}), which ended at {expires}: all that it published has expired"
        )
    } else {
        format!(
            "forgets the publisher {name} ({key}): what it published is believed NO MORE, so its keys miss or get \
             older saves of others"
        )
    }
}

/// Whether nothing changes but that it has ended.
fn is_retired(old: &Publisher, new: &Publisher, now: Timestamp) -> bool {
    new.expires <= now
        && new.expires < old.expires
        && *new == Publisher { expires: new.expires, ..old.clone() }
}

fn retired(new: &Publisher) -> String {
    let Publisher { name, key, expires, .. } = new;
    format!(
        "retires the publisher {name} ({key}) at {expires}: what seeds certified before stays believed, nothing later; \
         its entry is dropped by a later change, once all that it published has expired"
    )
}

fn about_publisher(publisher: &Publisher) -> String {
    let Publisher { name, key, patterns, byte_share, pipelines, expires } = publisher;
    let mut text = format!("{name} ({key}), who may publish {}, until {expires}", list(patterns));
    if let Some(bytes) = byte_share {
        text += &format!(", in {bytes} bytes of each seed");
    }
    if !pipelines.is_empty() {
        text += &format!(", for the pipelines {}", pipelines.join(", "));
    }
    text
}

fn of_issuers(before: &Policy, after: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    for old in before.issuers.iter().filter(|old| !after.issuers.contains(old)) {
        let is_gone = after.issuers.iter().all(|new| new.key != old.key);
        let published =
            if is_gone { "; what was published under its grants is believed NO MORE" } else { "" };
        lines.push(format!("removes the issuer {}{published}", about_issuer(old)));
    }
    for new in after.issuers.iter().filter(|new| !before.issuers.contains(new)) {
        lines.push(format!("adds the issuer {}", about_issuer(new)));
    }
    lines
}

fn about_issuer(issuer: &Issuer) -> String {
    let Issuer { key, patterns, grant_life_max } = issuer;
    format!("{key}, whose grants may cover {} for {grant_life_max} s", list(patterns))
}

/// Patterns, with a word of warning where one is likely not what was meant.
fn list(patterns: &[Pattern]) -> String {
    let words = patterns.iter().map(|pattern| {
        if is_everything(pattern) {
            format!("{pattern} (EVERY key)")
        } else if !pattern.as_str().contains('*') {
            format!("{pattern} (this one key only: for what is below it, {pattern}/**)")
        } else {
            pattern.to_string()
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn of_keys(what: &str, before: &[PublicKey], after: &[PublicKey]) -> Vec<String> {
    let gone = before.iter().filter(|key| !after.contains(key));
    let new = after.iter().filter(|key| !before.contains(key));
    gone.map(|key| format!("removes the {what} key {key}"))
        .chain(new.map(|key| format!("adds the {what} key {key}")))
        .collect()
}

fn of_yank_keys(before: &Policy, after: &Policy) -> Vec<String> {
    let mut lines = of_keys("yank", &before.yank, &after.yank);
    for line in lines.iter_mut().filter(|line| line.starts_with("removes")) {
        line.push_str("; what it took back is believed AGAIN, until it expires");
    }
    lines
}

fn of_admission(before: &Policy, after: &Policy) -> Option<String> {
    let words = if after.strict_admission {
        "join tokens let nobody in any more: `pollux pool admit` signs a membership for each node; members stay"
    } else {
        "join tokens let nodes in again: whoever has the pool file can join"
    };
    (before.strict_admission != after.strict_admission).then(|| words.to_owned())
}

fn of_numbers(before: &Policy, after: &Policy) -> Vec<String> {
    let changed =
        |what: &str, old: u64, new: u64| (old != new).then(|| format!("{what}: {old} before, {new} after"));
    let generations = |policy: &Policy| u64::from(policy.generations_max);
    let numbers = [
        changed("seconds that a manifest may live", before.manifest_life_max, after.manifest_life_max),
        changed("generations that a manifest may have", generations(before), generations(after)),
        changed("seconds that a relayed answer is good for", before.relayed_age_max, after.relayed_age_max),
    ];
    let time = of_time("the policy expires", before.expires, after.expires);
    time.into_iter().chain(numbers.into_iter().flatten()).collect()
}

fn of_time(what: &str, before: Timestamp, after: Timestamp) -> Option<String> {
    (before != after).then(|| format!("{what} {before} before, {after} after"))
}

/// What covers everything and is new to whoever gets it.
fn everything(before: &Policy, after: &Policy) -> Vec<Pattern> {
    let had = |key: &PublicKey, pattern: &Pattern| {
        let publishers = before.publishers.iter().map(|old| (&old.key, &old.patterns));
        let issuers = before.issuers.iter().map(|old| (&old.key, &old.patterns));
        publishers.chain(issuers).any(|(old, patterns)| old == key && patterns.contains(pattern))
    };
    let publishers = after.publishers.iter().map(|new| (&new.key, &new.patterns));
    let issuers = after.issuers.iter().map(|new| (&new.key, &new.patterns));
    let all = publishers.chain(issuers);
    let wide = all.flat_map(|(key, patterns)| patterns.iter().map(move |pattern| (key, pattern)));
    let new = wide.filter(|(key, pattern)| is_everything(pattern) && !had(key, pattern));
    new.map(|(_, pattern)| pattern.clone()).collect()
}

#[cfg(test)]
mod tests;
