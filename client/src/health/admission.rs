//! Whether the node belongs, and whom a seed keeps out.

use super::Check;
use crate::printable::printable;
use crate::protocol::{Further, NodeStatus};
use pollux_core::message::Refusal;

/// The node's own membership.
pub(super) fn membership(status: &NodeStatus, more: Option<&Further>) -> Check {
    const NAME: &str = "membership";
    if status.role == "seed" {
        return Check::ok(NAME, "a seed needs none");
    }
    if status.engine.joined {
        let left = more.and_then(|more| more.membership_left_ms).map(|left| left / 60_000);
        let left =
            left.map_or_else(String::new, |minutes| format!(" for another {minutes} min, renewed before"));
        return Check::ok(NAME, format!("a member{left}"));
    }
    if let Some(why) = status.engine.refused {
        return Check::wrong(NAME, "a seed does not let this node in")
            .because(why.to_string())
            .todo(remedy(why));
    }
    if let Some(why) = more.and_then(|more| more.unwelcome.as_deref()) {
        return Check::wrong(NAME, "the membership that this node was given is not believed here")
            .because(printable(why))
            .todo("set this machine's clock right if it is wrong; else look at the clock of the seed, or admit the node anew");
    }
    let reached = status.engine.seeds_connected;
    let check = Check::wrong(NAME, "not a member: none was given yet, or the last one has expired");
    if reached == 0 {
        return check.because("no seed is reached").todo("see which seeds are not reached, and why");
    }
    check
        .because(format!("{reached} seeds are reached, and none has answered yet"))
        .todo("wait a few seconds, then look at the log of a seed")
}

fn remedy(why: Refusal) -> &'static str {
    match why {
        Refusal::BadToken => {
            "give this instance the pool's present pool.json; its join token is of another pool, or its admission key is gone \
             from the policy"
        }
        Refusal::TokenExpired => {
            "`pollux pool token --pool pool.json --admission-key admission.pem` makes a new one: put that pool.json into \
             images, and start the node again. If the token has not expired, a clock is wrong"
        }
        Refusal::OtherPool => {
            "give this instance the pool.json of the pool whose seeds stand at these addresses"
        }
        Refusal::AddressFull => {
            "several instances behind one address (NAT) need more memberships for their network in the policy: `memberships` \
             of that network; a place is free seconds after its instance is gone"
        }
        Refusal::NotASeed => {
            "the policy names an address where another node stands: `pollux pool add-seed` and `remove-seed` put it right"
        }
        Refusal::Full => "start another seed, or wait: the seed has as many peers as it takes",
        Refusal::NotByToken => {
            "an operator admits each node of this pool: `pollux-node peer-id` here, then `pollux pool admit PEER_ID`"
        }
        Refusal::Unknown(_) => {
            "the seed is of a later release: install that release here, and look at the log of the seed"
        }
    }
}

/// Whom this seed has not let in, by the most frequent reasons first.
pub(super) fn refusals(status: &NodeStatus) -> Vec<Check> {
    let mut counts: Vec<(&String, u64)> =
        status.engine.refusals.iter().map(|(why, count)| (why, *count)).collect();
    counts.sort_by_key(|(why, count)| (core::cmp::Reverse(*count), (*why).clone()));
    let words: Vec<String> =
        counts.iter().map(|(why, count)| format!("{count} {}", printable(why))).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let check = Check::warning(
        "refusals",
        format!("joins that this seed refused since it started: {}", words.join(", ")),
    );
    let nat = status.engine.refusals.contains_key(Refusal::AddressFull.name());
    vec![if nat {
        check
            .because("`address-full`: instances share an address (NAT), or one came before its predecessor was gone")
            .todo("raise `memberships` of that network in the policy if they share it for good")
    } else {
        check.todo("`pollux doctor` on such an instance says what it lacks; the seed's log names it")
    }]
}
