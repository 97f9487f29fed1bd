//! Ports on loopback for programs that are started later.
//!
//! A port that was only found free may be given to somebody else before the program binds it: to the next who asks, in this process
//! or in another, or to a connection that goes out. So ports are taken from below the range that the system gives to connections,
//! and each is claimed by an abstract unix socket of its name, which all processes of one network namespace see and which goes with
//! the process that holds it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};

/// Below the range of Linux's default (`net.ipv4.ip_local_port_range`, from 32768), above what services use.
const RANGE: Range<u16> = 15_000..32_000;

/// What this process has claimed, until it ends.
static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A port on loopback that nobody listens at, and that no other call gives, here or in another process, while this process runs.
///
/// # Errors
/// The system has none.
pub fn free_port() -> io::Result<u16> {
    first_of(RANGE)
}

fn first_of(range: Range<u16>) -> io::Result<u16> {
    let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
    for port in range.clone() {
        let Some(claim) = claim(port)? else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            claims.push(claim);
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no port of {range:?} is free")))
}

/// `None` if somebody has it.
fn claim(port: u16) -> io::Result<Option<UnixListener>> {
    let address = SocketAddr::from_abstract_name(format!("pollux-tests/port/{port}"))?;
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
    }

    #[test]
    fn what_is_claimed_or_listened_at_is_left_out() {
        let claimed = free_port().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for taken in [claimed, listener.local_addr().unwrap().port()] {
            let error = first_of(taken..taken + 1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
        }
    }
}
