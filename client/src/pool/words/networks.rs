//! What becomes of members where networks change.

use pollux_core::{Network, Policy, Seed};
use std::net::IpAddr;

/// Networks that go and come, with what that does.
pub(super) fn of_networks(before: &Policy, after: &Policy) -> Vec<String> {
    let gone = before.networks.iter().filter(|network| !after.networks.contains(network));
    let new = after.networks.iter().filter(|network| !before.networks.contains(network));
    let mut lines: Vec<String> = gone.map(|network| removed(network, after)).collect();
    lines.extend(new.map(|network| added(network, after)));
    if after.networks.is_empty() && !before.networks.is_empty() {
        lines.push(
            "NO network is left: members dial nobody but the seeds, which then send every byte, and from each address \
             one member is let in"
                .to_owned(),
        );
    }
    lines
}

fn removed(gone: &Network, after: &Policy) -> String {
    let stays = after.networks.iter().any(|network| network.cidr == gone.cidr);
    let told = if stays { String::new() } else { without(gone, after) };
    format!("removes the network {}{told}", about(gone))
}

/// What counts for the addresses of a network that is gone.
fn without(gone: &Network, after: &Policy) -> String {
    let around = after.networks.iter().filter(|network| gone.cidr.lies_in(&network.cidr));
    // Of networks around one address, each lies in the next.
    let narrowest = around.reduce(|one, other| if other.cidr.lies_in(&one.cidr) { other } else { one });
    if let Some(wider) = narrowest {
        return format!("; for its addresses {} counts now", about(wider));
    }
    let seeds = after.seeds.iter().filter(|seed| lies_in(seed, gone));
    let seeds: String = seeds
        .map(|seed| {
            let place = seed.addresses.join(", ");
            format!(
                "; the seed {} at {place} LIES IN IT: that one is dialled as before, as a seed",
                seed.peer
            )
        })
        .collect();
    format!(
        "; members there that no other network has are dialled NO MORE, and from each address one is let in; \
         connections that are there stay{seeds}"
    )
}

fn added(new: &Network, after: &Policy) -> String {
    let others = after.networks.iter().filter(|other| other.cidr != new.cidr && differs(new, other));
    let told = others.filter_map(|other| {
        if new.cidr.lies_in(&other.cidr) {
            Some(format!("; it lies in {}, and counts there in its place", about(other)))
        } else if other.cidr.lies_in(&new.cidr) {
            Some(format!("; in it lies {}, which goes on counting there", about(other)))
        } else {
            None
        }
    });
    format!("adds the network {}{}", about(new), told.collect::<String>())
}

/// Whether it matters which of the two counts.
fn differs(one: &Network, other: &Network) -> bool {
    (&one.zone, one.memberships) != (&other.zone, other.memberships)
}

fn about(network: &Network) -> String {
    let Network { cidr, zone, memberships } = network;
    let zone = if zone.is_empty() { String::new() } else { format!(", zone {zone}") };
    format!("{cidr}{zone}, {memberships} members per address")
}

/// Whether one of the seed's addresses is, literally, in the network; where a name leads is not looked up.
fn lies_in(seed: &Seed, network: &Network) -> bool {
    let hosts = seed.addresses.iter().filter_map(|address| address.rsplit_once(':'));
    let literal = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    hosts.filter_map(|(host, _)| literal(host)).any(|address| network.cidr.contains(&address))
}

#[cfg(test)]
mod tests;
