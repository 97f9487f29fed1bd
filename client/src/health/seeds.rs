//! The seeds, as the node sees them.

use super::Check;
use crate::printable::printable;
use crate::protocol::{Further, NodeStatus, SeedStatus};
use pollux_core::limits::CLOCK_SKEW_MAX;

/// From here on a clock is worth a word, long before anything is refused for it.
const CLOCK_WARNED_MS: u64 = 30_000;
const NAME: &str = "clock";

/// This machine's clock beside those of the seeds: the middle one of them decides, one alone may be wrong itself.
pub(super) fn clock(seeds: &[SeedStatus]) -> Check {
    let heard = seeds.iter().filter(|seed| !seed.is_self);
    let mut ahead: Vec<i64> = heard.filter_map(|seed| seed.clock_ahead_ms).collect();
    ahead.sort_unstable();
    // Of two middle ones that which is nearer: where half of the seeds agree with this machine, the others are wrong.
    let middles = [ahead.len().saturating_sub(1) / 2, ahead.len() / 2];
    let middles = middles.iter().filter_map(|place| ahead.get(*place).copied());
    let Some(middle) = middles.min_by_key(|off| off.unsigned_abs()) else {
        // Seeds tell the time to those whom they let in, and with answers.
        return Check::ok(NAME, "no seed has told the time yet; on a seed, nodes compare its clock");
    };
    let off = middle.unsigned_abs();
    let seconds = off.div_ceil(1000);
    if off < CLOCK_WARNED_MS {
        return astray(seeds, middle)
            .unwrap_or_else(|| Check::ok(NAME, format!("within {seconds} s of {} seeds", ahead.len())));
    }
    let direction = if middle > 0 { "behind" } else { "ahead of" };
    let what = format!("this machine's clock is {} {direction} that of the seeds", span(seconds));
    let check = if u128::from(off) > CLOCK_SKEW_MAX.as_millis() {
        Check::wrong(NAME, what)
    } else {
        Check::warning(NAME, what)
    };
    check
        .because("memberships and manifests are judged by it, give or take 5 minutes; or the clocks of the seeds are wrong")
        .todo("let the machine follow a time server (`timedatectl set-ntp true`); the node notices by itself")
}

/// Seeds whose clocks are not as those of the others: what they sign is believed by nobody.
fn astray(seeds: &[SeedStatus], middle: i64) -> Option<Check> {
    let off = |seed: &SeedStatus| {
        let off = seed.clock_ahead_ms?.saturating_sub(middle);
        let direction = if off > 0 { "ahead" } else { "behind" };
        (off.unsigned_abs() >= CLOCK_WARNED_MS)
            .then(|| format!("{} is {} {direction}", named(seed), span(off.unsigned_abs().div_ceil(1000))))
    };
    let wrong: Vec<String> = seeds.iter().filter(|seed| !seed.is_self).filter_map(off).collect();
    (!wrong.is_empty()).then(|| {
        Check::warning(NAME, format!("the clocks of seeds differ: {}", wrong.join(", ")))
            .because("what such a seed signs is judged by other clocks, give or take 5 minutes: its memberships are not believed, and its receipts may not be")
            .todo("let that machine follow a time server (`timedatectl set-ntp true` there); the pool needs it as soon as another seed is away")
    })
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Whether every seed is reached.
pub(super) fn reached(status: &NodeStatus, more: Option<&Further>) -> Check {
    const NAME: &str = "seeds";
    let (there, all) = (status.engine.seeds_connected, status.engine.seeds_total);
    let away: Vec<String> = more
        .map(|more| more.seeds.iter().filter(|seed| !seed.connected).map(named).collect())
        .unwrap_or_default();
    let known = more.is_some();
    if (known && away.is_empty()) || (!known && there >= all) {
        return Check::ok(NAME, format!("{all} of {all} are reached"));
    }
    let missing = if known { away.join(", ") } else { format!("{} of {all}", all.saturating_sub(there)) };
    Check::wrong(NAME, format!("seeds that do not answer: {missing}"))
        .because("they are down, something between blocks the port, or another node stands there")
        .todo("start them (`pollux doctor` there says what they lack); this node's log says where another one answers, perhaps of another pool")
}

/// Whether they go by the same papers.
pub(super) fn agreement(status: &NodeStatus, seeds: &[SeedStatus]) -> Check {
    let differ: Vec<String> = seeds.iter().filter(|seed| seed.agrees == Some(false)).map(goes_by).collect();
    if differ.is_empty() {
        let agree = seeds.iter().filter(|seed| seed.agrees == Some(true)).count();
        return Check::ok(
            "agreement",
            format!("{agree} seeds go by policy {} and the same yanks", status.policy_version),
        );
    }
    let (version, yanks) = (status.policy_version, status.engine.yanks);
    let what = format!(
        "seeds that go by other papers than this node (policy {version}, {yanks} yanks): {}",
        differ.join(", ")
    );
    let mut others = seeds.iter().filter(|seed| seed.agrees == Some(false));
    if others.all(|seed| seed.policy_version == Some(version)) {
        return Check::warning("agreement", format!("{what}: other yanks"))
            .because("a yank is on its way, or they have lost theirs")
            .todo("wait a minute: nodes hand seeds the yanks that these lack; `pollux pool spread --pool pool.json` has it done again; the logs there say which are not believed");
    }
    Check::warning("agreement", what)
        .because("a change is on its way, too few seeds keep it to count, or they have lost theirs")
        .todo("wait a minute: nodes hand seeds what these lack; then hand the newest over with `pollux pool spread --pool pool.json`, and look at those seeds' logs")
}

fn goes_by(seed: &SeedStatus) -> String {
    let version = seed.policy_version.map_or_else(String::new, |version| format!(" (policy {version})"));
    format!("{}{version}", short(seed))
}

/// Its name and where it should be.
pub(super) fn named(seed: &SeedStatus) -> String {
    let addresses: Vec<String> = seed.addresses.iter().map(|address| printable(address)).collect();
    format!("{} at {}", short(seed), addresses.join(" or "))
}

/// The end of its name, which tells it from others.
fn short(seed: &SeedStatus) -> String {
    let text = seed.peer.to_string();
    format!("…{}", text.get(text.len().saturating_sub(6)..).unwrap_or_default())
}
