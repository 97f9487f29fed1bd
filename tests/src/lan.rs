//! A network on this machine: hosts in network namespaces, each behind a shaped link, joined by a bridge.
//!
//! ```text
//! host     one host: programs and threads that run there
//! command  `ip` and `tc`, and what they say
//! ```
//!
//! The bridge is in a namespace of its own, so that nothing of it is seen outside, and all of it goes with its namespaces.
//! Their names begin with `pollux-` and the process id; what another process made is left alone. Who is killed with
//! `kill -9` leaves them behind: `ip netns list` shows them, `ip netns delete NAME` removes each.
//!
//! A link is shaped by a token bucket at each of its ends: up where the host's packets leave, down where the bridge's do. It
//! counts what a wire would: frames with their headers. There is no delay but that of the queues.

mod command;
mod host;

pub use host::Host;

use command::{ip, tc};
use serde_json::Value;
use std::io;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Hosts of a network at most: those of 10.77.0.0/16 with a last number that is not special.
const HOSTS_MAX: usize = 10_000;
/// Hosts that share the third number of an address.
const HOSTS_PER_ROW: usize = 250;
/// What may leave at once: one packet as the kernel hands it on (64 KiB and its headers), or it would be cut in pieces at a
/// high price in CPU.
const BURST: &str = "70kb";
/// How long a packet may wait for its link before it is dropped. With a quarter of that, sixteen senders to one link lost so
/// much that the seed's stood idle for a seventh of the time: a packet here is up to 64 KiB, and few fit.
const QUEUE: &str = "100ms";

/// All hosts.
const NETWORK: &str = "10.77.0.0/16";
/// TCP's congestion control, as most fleets have it, whatever this machine has.
pub const CONGESTION: &str = "cubic";

/// Several networks of one process.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Bits each second, each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// From the host.
    pub up: u64,
    /// To the host.
    pub down: u64,
}

/// What a host's link has carried since it was made, in bytes. A packet counts as the kernel hands it on: with the headers of
/// one frame for up to 64 KiB, so that this is about what TCP was given to carry, and some per cent less than what a wire
/// would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// From the host.
    pub up: u64,
    /// To the host.
    pub down: u64,
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum LanError {
    /// Only root may make one.
    #[error("network namespaces need root: run this as root, on a machine of your own")]
    NotRoot,
    /// It has enough hosts.
    #[error("a network has {HOSTS_MAX} hosts at most")]
    TooManyHosts,
    /// A command did not do what it should, or cannot be started.
    #[error("{command}: {why}")]
    Command {
        /// Which.
        command: String,
        /// What it said.
        why: String,
    },
    /// The system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// See the module. Dropped, it is removed; programs that still run in it keep their namespace until they end.
#[derive(Debug)]
pub struct Lan {
    name: String,
    hosts: Vec<Host>,
}

impl Lan {
    /// A network without hosts.
    ///
    /// # Errors
    /// This is not root, or the system makes no namespaces or bridges.
    pub fn open() -> Result<Self, LanError> {
        if !rustix::process::geteuid().is_root() {
            return Err(LanError::NotRoot);
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let lan = Self { name: format!("pollux-{}-{number}", std::process::id()), hosts: Vec::new() };
        ip(&format!("netns add {}", lan.hub()))?;
        ip(&format!("-n {} link add bridge0 type bridge stp_state 0 forward_delay 0", lan.hub()))?;
        ip(&format!("-n {} link set bridge0 up", lan.hub()))?;
        Ok(lan)
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.name)
    }

    /// Adds a host behind this link.
    ///
    /// # Errors
    /// There are too many, or the system does not make one.
    pub fn add(&mut self, link: Link) -> Result<Host, LanError> {
        let number = self.hosts.len();
        let host = Host { namespace: format!("{}-{number}", self.name), address: address(number)? };
        let (hub, name, at) = (self.hub(), &host.namespace, host.address);
        ip(&format!("netns add {name}"))?;
        // From here on it goes with the others.
        self.hosts.push(host.clone());
        ip(&format!("-n {hub} link add port-{number} type veth peer name eth0 netns {name}"))?;
        ip(&format!("-n {name} addr add {at}/16 dev eth0"))?;
        shape(name, "eth0", link.up)?;
        shape(&hub, &format!("port-{number}"), link.down)?;
        ip(&format!("-n {name} link set lo up"))?;
        ip(&format!("-n {name} link set eth0 up"))?;
        ip(&format!("-n {hub} link set port-{number} master bridge0 up"))?;
        ip(&format!("-n {name} route replace {NETWORK} dev eth0 src {at} congctl {CONGESTION}"))?;
        Ok(host)
    }

    /// What every host's link has carried, in the order in which they were added.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn carried(&self) -> Result<Vec<Carried>, LanError> {
        let told = ip(&format!("-n {} -s -j link show type veth", self.hub()))?;
        let ports: Vec<Value> = serde_json::from_str(&told).map_err(io::Error::from)?;
        let mut carried = vec![Carried::default(); self.hosts.len()];
        for port in &ports {
            let number = port.pointer("/ifname").and_then(Value::as_str).and_then(port_number);
            if let Some(place) = number.and_then(|number| carried.get_mut(number)) {
                *place = read(port);
            }
        }
        Ok(carried)
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let names = self.hosts.iter().map(|host| host.namespace.clone()).chain([self.hub()]);
        for name in names {
            // The rest goes all the same.
            drop(Command::new("ip").args(["netns", "delete", &name]).output());
        }
    }
}

fn address(number: usize) -> Result<Ipv4Addr, LanError> {
    let part = |number: usize| u8::try_from(number).map_err(|_| LanError::TooManyHosts);
    if number >= HOSTS_MAX {
        return Err(LanError::TooManyHosts);
    }
    Ok(Ipv4Addr::new(10, 77, part(number / HOSTS_PER_ROW)?, part(number % HOSTS_PER_ROW + 1)?))
}

fn shape(namespace: &str, device: &str, rate: u64) -> Result<(), LanError> {
    tc(&format!(
        "-n {namespace} qdisc add dev {device} root tbf rate {rate}bit burst {BURST} latency {QUEUE}"
    ))
}

fn port_number(name: &str) -> Option<usize> {
    name.strip_prefix("port-")?.parse().ok()
}

/// What the bridge's end of a link receives, the host has sent.
fn read(port: &Value) -> Carried {
    let bytes = |pointer| port.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    Carried { up: bytes("/stats64/rx/bytes"), down: bytes("/stats64/tx/bytes") }
}

#[cfg(test)]
mod tests;
