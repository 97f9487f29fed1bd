//! Ports on loopback for programs that are started later.
//!
//! A port that was only found free may be given to somebody else before the program binds it: to the next who asks, in this process
//! or in another, or to a connection that goes out. So ports are taken from below the range that the system gives to connections,
//! in blocks, each of which is claimed by an abstract unix socket of its name: all processes of one network namespace see it, and it
//! goes with the process that holds it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};

/// Below the range of Linux's default (`net.ipv4.ip_local_port_range`, from 32768), above what services use.
const RANGE: Range<u16> = 15_000..32_000;
/// Ports of a block: what a test takes.
const BLOCK: u16 = 50;

/// What this process has, until it ends.
static OWN: Mutex<Own> = Mutex::new(Own { claims: Vec::new(), left: 0..0 });

struct Own {
    claims: Vec<UnixListener>,
    /// Of the last block.
    left: Range<u16>,
}

/// A port on loopback that nobody listens at, and that no other call gives, here or in another process, while this process runs.
///
/// # Errors
/// The system has none.
pub fn free_port() -> io::Result<u16> {
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(port) = own.left.find(|port| is_free(*port)) {
            return Ok(port);
        }
        let (claim, block) = next_block()?;
        own.claims.push(claim);
        own.left = block;
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn next_block() -> io::Result<(UnixListener, Range<u16>)> {
    for first in RANGE.step_by(BLOCK.into()) {
        if let Some(claim) = claim(first)? {
            return Ok((claim, first..first + BLOCK));
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no block of the ports {RANGE:?} is free")))
}

/// Claims the block that begins with this port; `None` if somebody has it.
fn claim(first: u16) -> io::Result<Option<UnixListener>> {
    let address = SocketAddr::from_abstract_name(format!("pollux-tests/ports/{first}"))?;
    match UnixListener::bind_addr(&address) {
        Ok(claim) => Ok(Some(claim)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_port_is_given_twice() {
        let asking: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..50).map(|_| free_port().unwrap()).collect())).collect();
        let given: Vec<Vec<u16>> = asking.into_iter().map(|asks| asks.join().unwrap()).collect();
        let ports: BTreeSet<u16> = given.iter().flatten().copied().collect();
        assert_eq!(ports.len(), 200);
        // Another process would be refused in the same way.
        let blocks = ports.iter().map(|port| RANGE.start + (port - RANGE.start) / BLOCK * BLOCK);
        assert!(blocks.collect::<BTreeSet<u16>>().into_iter().all(|first| claim(first).unwrap().is_none()));
    }

    #[test]
    fn where_somebody_listens_no_port_is_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
