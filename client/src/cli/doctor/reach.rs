//! The addresses of the seeds, tried from here.

use pollux_client::health::Check;
use pollux_client::printable::printable;
use pollux_client::protocol::Further;
use pollux_core::{Policy, PoolFile};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const NAME: &str = "address";
/// For one connection: one that takes longer is of no use to a restore.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// For the look-up of names besides; a resolver that has to be asked twice takes five seconds.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(7);
/// Addresses that are tried at most: each has a thread, and a pool has 16 seeds with an address or two.
const ADDRESSES_TRIED_MAX: usize = 64;
/// What one name stands for that is tried at most, one after the other.
const FOUND_MAX: usize = 4;

/// A seed, by where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    name: String,
    addresses: Vec<String>,
}

/// Where the seeds are by what the node goes by, or by the pool file where the node does not answer.
pub(super) fn seeds(more: Option<&Further>, file: Option<&PoolFile>) -> Vec<Place> {
    let place = |name: String, addresses: &[String]| Place {
        name: name.get(name.len().saturating_sub(6)..).unwrap_or_default().to_owned(),
        addresses: addresses.to_vec(),
    };
    if let Some(more) = more.filter(|more| !more.seeds.is_empty()) {
        let others = more.seeds.iter().filter(|seed| !seed.is_self);
        return others.map(|seed| place(seed.peer.to_string(), &seed.addresses)).collect();
    }
    let policy = file.and_then(|file| file.policy.body::<Policy>().ok());
    let seeds = policy.map(|policy| policy.seeds).unwrap_or_default();
    seeds.iter().map(|seed| place(seed.peer.to_string(), &seed.addresses)).collect()
}

/// How a connection to an address went.
#[derive(Debug)]
enum Tried {
    Connected,
    Unknown(String),
    Refused,
    Silent,
    Failed(String),
}

/// Tries every address, all at once.
pub(super) fn examine(seeds: &[Place], patience: Duration) -> Vec<Check> {
    let all = seeds.iter().flat_map(|seed| seed.addresses.iter().map(move |address| (seed, address)));
    let tried: Vec<_> = all
        .take(ADDRESSES_TRIED_MAX)
        .map(|(seed, address)| (seed, address, begin(address, patience)))
        .collect();
    let until = Instant::now() + patience + LOOK_UP_PATIENCE;
    let ended = tried.into_iter().map(|(seed, address, trying)| {
        let left = until.saturating_duration_since(Instant::now());
        let tried = trying.recv_timeout(left).unwrap_or(Tried::Silent);
        check(seed, address, &tried, patience)
    });
    ended.collect()
}

fn begin(address: &str, patience: Duration) -> Receiver<Tried> {
    let (sender, receiver) = channel();
    let address = address.to_owned();
    // Whoever waited has gone on: then nobody wants to know. A look-up cannot be ended, so the thread is left alone.
    thread::spawn(move || drop(sender.send(connect(&address, patience))));
    receiver
}

fn connect(address: &str, patience: Duration) -> Tried {
    let found: Vec<SocketAddr> = match address.to_socket_addrs() {
        Ok(found) => found.take(FOUND_MAX).collect(),
        Err(error) => return Tried::Unknown(error.to_string()),
    };
    let mut last = Tried::Unknown("the name stands for no address".to_owned());
    for one in found {
        match TcpStream::connect_timeout(&one, patience) {
            Ok(_) => return Tried::Connected,
            Err(error) => last = failed(&error),
        }
    }
    last
}

fn failed(error: &io::Error) -> Tried {
    let kind = error.kind();
    if kind == ErrorKind::ConnectionRefused {
        Tried::Refused
    } else if [ErrorKind::TimedOut, ErrorKind::WouldBlock].contains(&kind) {
        Tried::Silent
    } else {
        Tried::Failed(error.to_string())
    }
}

fn check(seed: &Place, address: &str, tried: &Tried, patience: Duration) -> Check {
    let at = format!("{} of the seed …{}", printable(address), seed.name);
    let wrong = |what: &str| Check::wrong(NAME, format!("{at}: {what}"));
    let port = address.rsplit(':').next().map(printable).unwrap_or_default();
    match tried {
        Tried::Connected => Check::ok(NAME, format!("{at} takes connections")),
        Tried::Unknown(why) => wrong("the name is not found")
            .because(printable(why))
            .todo("put it into the DNS or /etc/hosts; or name another address: `pollux pool add-seed`"),
        Tried::Refused => wrong("the connection is refused")
            .because(format!("the machine is there, and nothing listens on port {port}, or a firewall says no"))
            .todo("start the seed there; check `listen` in its configuration and the firewalls"),
        Tried::Silent => wrong("nobody answers")
            .because(format!("no answer within {} s: the machine is down, or a firewall drops what goes to port {port}", patience.as_secs()))
            .todo(format!("let TCP port {port} pass from this network to the seed, both in firewalls and in the cloud's security groups")),
        Tried::Failed(why) => wrong("it cannot be reached").because(printable(why)).todo("check this machine's network and routes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn place(addresses: &[String]) -> Vec<Place> {
        vec![Place { name: "abcdef".to_owned(), addresses: addresses.to_vec() }]
    }

    #[test]
    fn what_listens_what_refuses_and_what_is_unknown_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().to_string();
        // A port that was free a moment ago may be somebody's by now; at this one nobody listens.
        let closed = "127.0.0.1:1".to_owned();
        let unknown = "no-such-name.invalid:4480".to_owned();
        let checks = examine(&place(&[open, closed, unknown]), PATIENCE);
        let whats: Vec<&str> = checks.iter().map(|check| check.what.as_str()).collect();
        assert!(whats[0].ends_with("of the seed …abcdef takes connections"), "{whats:?}");
        assert!(whats[1].contains("the connection is refused"), "{whats:?}");
        assert!(whats[2].contains("the name is not found"), "{whats:?}");
        assert!(checks[1].todo.is_some() && checks[2].todo.is_some());
    }

    #[test]
    fn what_is_dropped_is_told_with_the_port() {
        let seed = &place(&[])[0];
        let check = check(seed, "192.0.2.1:4480", &failed(&ErrorKind::TimedOut.into()), PATIENCE);
        assert!(check.what.contains("nobody answers"), "{check:?}");
        assert!(check.why.unwrap().contains("within 3 s"));
        assert!(check.todo.unwrap().contains("TCP port 4480"));
        let check = super::check(seed, "x:1", &failed(&ErrorKind::NetworkUnreachable.into()), PATIENCE);
        assert!(check.what.contains("cannot be reached"), "{check:?}");
    }

    #[test]
    fn no_more_addresses_are_tried_than_the_bound() {
        let many: Vec<String> = (0..100).map(|_| "not an address".to_owned()).collect();
        assert_eq!(examine(&place(&many), PATIENCE).len(), ADDRESSES_TRIED_MAX);
    }
}
