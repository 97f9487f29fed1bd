//! Whether a seed is where the policy says that it is.
//!
//! Nobody sees otherwise: who looks for it at the policy's address meets somebody else there, or nobody, and the seed itself
//! waits for peers that do not come.

use super::Check;
use crate::printable::printable;
use crate::protocol::{Further, NodeStatus, SeedStatus};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

const NAME: &str = "listen";
/// Of documentation: no machine has it.
const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Whether an address is one of this machine's, as seen by this process. Where the system lets programs listen on addresses
/// that are not (`ip_nonlocal_bind`), nothing can be told of any.
#[must_use]
pub fn is_here(address: IpAddr) -> Option<bool> {
    let binds = |address| UdpSocket::bind(SocketAddr::new(address, 0)).is_ok();
    (!binds(NOBODYS)).then(|| binds(address))
}

/// Where a seed listens, beside its addresses in the policy; none for a node, and where the seed does not tell. `is_here` is
/// [`is_here`], or what a test says.
#[must_use]
pub fn listening(
    status: &NodeStatus,
    more: Option<&Further>,
    is_here: impl Fn(IpAddr) -> Option<bool>,
) -> Option<Check> {
    let more = more.filter(|more| status.role == "seed" && !more.place.listen.is_empty())?;
    let own = more.seeds.iter().find(|seed| seed.is_self)?;
    let listen: Vec<SocketAddr> = more.place.listen.iter().filter_map(|one| one.parse().ok()).collect();
    if let Some(other) = more.seeds.iter().find(|seed| !seed.is_self && stands_here(seed, &listen, &is_here))
    {
        return Some(another(own, other));
    }
    let astray: Vec<String> = own
        .addresses
        .iter()
        .filter(|address| !fits(address, &listen, &is_here))
        .map(|one| printable(one))
        .collect();
    let listens = more.place.listen.iter().map(|one| printable(one)).collect::<Vec<_>>().join(", ");
    if astray.is_empty() {
        return Some(Check::ok(NAME, format!("this seed listens on {listens}, as the policy says")));
    }
    let what =
        format!("the policy says that this seed is at {}, and it listens on {listens}", astray.join(", "));
    Some(
        Check::warning(NAME, what)
            .because("then nobody reaches it, unless a translation of addresses or ports stands between")
            .todo("set `listen` in its configuration to the policy's port, on an address of this machine; or change the policy: `pollux pool add-seed` and `remove-seed`"),
    )
}

/// The machine has the address of another seed, and this one listens there.
fn stands_here(seed: &SeedStatus, listen: &[SocketAddr], is_here: &impl Fn(IpAddr) -> Option<bool>) -> bool {
    let literal = seed.addresses.iter().filter_map(|address| address.parse::<SocketAddr>().ok());
    let mut here =
        literal.filter(|address| !address.ip().is_loopback() && is_here(address.ip()) == Some(true));
    here.any(|address| listen.iter().any(|one| takes(*one, address)))
}

fn another(own: &SeedStatus, other: &SeedStatus) -> Check {
    let at = |seed: &SeedStatus| super::seeds::named(seed);
    Check::wrong(
        NAME,
        format!(
            "this seed runs where the policy has another: it is {}, and stands in the place of {}",
            at(own),
            at(other)
        ),
    )
    .because("it was started with the key of the other, or on the wrong machine")
    .todo("give each machine the key of its own seed (`identity` in its configuration), and start both again")
}

/// A name is not looked up: only its port is compared.
fn fits(address: &str, listen: &[SocketAddr], is_here: &impl Fn(IpAddr) -> Option<bool>) -> bool {
    let Ok(literal) = address.parse::<SocketAddr>() else {
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        return port.is_none_or(|port| listen.iter().any(|one| one.port() == port));
    };
    listen.iter().any(|one| takes(*one, literal))
        && (is_here(literal.ip()) != Some(false) || listen.iter().any(|one| one.ip().is_unspecified()))
}

/// Whether who listens on the one is met at the other.
fn takes(listen: SocketAddr, address: SocketAddr) -> bool {
    listen.port() == address.port() && (listen.ip().is_unspecified() || listen.ip() == address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Level;
    use crate::health::tests::{Node, words};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The first of three seeds, at 192.0.2.1 to 3, listens there; the machine has this address.
    fn told(listen: &str, here: &'static str) -> Check {
        listening_as(listen, here, |_| ()).unwrap()
    }

    fn listening_as(listen: &str, here: &'static str, change: impl Fn(&mut Node)) -> Option<Check> {
        let mut node = Node::new();
        node.status.role = "seed".to_owned();
        node.more.seeds[0].is_self = true;
        node.more.place.listen = vec![listen.to_owned()];
        change(&mut node);
        listening(&node.status, Some(&node.more), |address| Some(address == ip(here)))
    }

    #[test]
    fn a_seed_where_the_policy_says_is_well() {
        for listen in ["0.0.0.0:4480", "[::]:4480", "192.0.2.1:4480"] {
            assert_eq!(told(listen, "192.0.2.1").level, Level::Ok, "{listen}");
        }
        let floating = told("0.0.0.0:4480", "10.0.0.7");
        assert_eq!(floating.level, Level::Ok, "its address is translated: {floating:?}");
    }

    #[test]
    fn another_port_than_the_policys_is_named() {
        let check = told("0.0.0.0:4481", "192.0.2.1");
        assert_eq!(check.level, Level::Warning);
        let words = words(&check);
        assert!(words.contains("192.0.2.1:4480") && words.contains("0.0.0.0:4481"), "{words}");
        let named = |node: &mut Node| node.more.seeds[0].addresses = vec!["seed.example:4480".to_owned()];
        assert_eq!(listening_as("0.0.0.0:4481", "10.0.0.7", named).unwrap().level, Level::Warning);
        assert_eq!(listening_as("0.0.0.0:4480", "10.0.0.7", named).unwrap().level, Level::Ok);
    }

    #[test]
    fn another_address_than_the_policys_is_named() {
        assert_eq!(told("10.0.0.7:4480", "10.0.0.7").level, Level::Warning);
        assert_eq!(told("127.0.0.1:4480", "192.0.2.1").level, Level::Warning);
    }

    #[test]
    fn the_key_of_another_seed_is_wrong() {
        for listen in ["0.0.0.0:4480", "192.0.2.2:4480"] {
            let check = told(listen, "192.0.2.2");
            assert_eq!(check.level, Level::Wrong);
            assert!(
                words(&check).contains("in the place of") && words(&check).contains("at 192.0.2.2:4480"),
                "{check:?}"
            );
        }
    }

    #[test]
    fn nothing_is_said_of_a_node_and_by_an_older_seed() {
        assert_eq!(listening_as("0.0.0.0:1", "10.0.0.7", |node| node.status.role = "node".to_owned()), None);
        assert_eq!(listening_as("0.0.0.0:1", "10.0.0.7", |node| node.more.place.listen.clear()), None);
        let node = Node::new();
        assert_eq!(listening(&node.status, None, |_| None), None);
    }

    #[test]
    fn this_machine_has_its_own_addresses() {
        assert_ne!(is_here(ip("127.0.0.1")), Some(false));
        assert_ne!(is_here(ip("203.0.113.9")), Some(true));
    }
}
