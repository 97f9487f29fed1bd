//! The node itself.

use super::Check;
use crate::printable::printable;
use crate::protocol::{Further, NodeStatus};
use indicatif::HumanBytes;
use pollux_core::engine::Silence;

/// Percent of a seed's store from which saves are refused.
const FULL: u64 = 95;
/// Percent from which that is warned of.
const FILLING: u64 = 80;

/// Node and command should be of one release.
pub(super) fn version(status: &NodeStatus, more: Option<&Further>, software: &str) -> Check {
    let node = printable(&status.software);
    let release = |text: &str| text.rsplit(' ').next().unwrap_or_default().to_owned();
    if more.is_some() && release(&node) == release(software) {
        return Check::ok("version", format!("{node}, as this command"));
    }
    let check = Check::warning("version", format!("the node is {node}, this command is {software}"));
    let check = if more.is_none() {
        check.because(
            "the node speaks an older version of the socket protocol, and tells less than is asked here",
        )
    } else {
        check.because("one of them was upgraded without the other")
    };
    check.todo("install the same release of both, and start the node again")
}

/// A seed that signs nothing is of no use to anybody.
pub(super) fn signing(status: &NodeStatus) -> Option<Check> {
    if status.role != "seed" {
        return None;
    }
    let Some(why) = status.engine.silent else { return Some(Check::ok("signing", "this seed signs")) };
    let check = Check::wrong("signing", "this seed signs nothing").because(why.to_string());
    Some(check.todo(match why {
        Silence::Unsure => "start the other seeds: it waits for their word",
        Silence::NoMarker | Silence::RolledBack => {
            "wait until it has merged what the others keep, and start those that are down; if its disk was restored from \
             a snapshot, that is why"
        }
        Silence::Unknown(_) => "the seed is of a later release than this program: look at its log",
    }))
}

/// Room for chunks, and a disk that takes them.
pub(super) fn store(status: &NodeStatus, more: Option<&Further>) -> Check {
    let (bytes, most, free) = (status.store_bytes, status.store_bytes_max, status.disk_free_bytes);
    let shown = |bytes: u64| HumanBytes(bytes).to_string();
    let words = format!("{} of {} used, {} free on the disk", shown(bytes), shown(most), shown(free));
    if more.is_some_and(|more| more.store_broken) {
        return Check::wrong("store", "the store refuses all writes: its disk has failed")
            .because("what was not made durable may be lost, so nothing more is promised")
            .todo("look at the kernel's log and the disk, then start the node again");
    }
    let least = more.map_or(0, |more| more.store_free_bytes_min);
    if free == 0 || free <= least {
        return Check::wrong("store", format!("the disk is full: {words}"))
            .because(format!("the store leaves {} free, so it takes no chunk now", shown(least)))
            .todo("free space on the store's file system, or give the store a larger one");
    }
    let percent = bytes.saturating_mul(100).checked_div(most).unwrap_or_default();
    if status.role != "seed" || percent < FILLING {
        return Check::ok("store", words);
    }
    let check = if percent >= FULL {
        Check::wrong("store", format!("this seed's store is full: {words}"))
    } else {
        Check::warning("store", format!("this seed's store fills up: {words}"))
    };
    check.todo("give it more room (`bytes_max` under [store]); `pollux usage '**'` shows what takes it")
}

/// Peers that misbehaved.
pub(super) fn peers(status: &NodeStatus) -> Option<Check> {
    let (banned, junk) = (status.engine.banned, status.engine.junk_chunks);
    (banned > 0).then(|| {
        Check::warning(
            "peers",
            format!("{banned} peers are banned for a while; {junk} wrong chunks came since the start"),
        )
        .because("they sent what they were not asked for, or broke the protocol; nothing of it was used")
        .todo("the node's log names them: look at those instances")
    })
}
