//! A plain copy through a unix socket, with nothing asked and nothing verified.

use super::chunks::{CHUNK_BYTES, Chunks};
use super::line::{Gave, Listening, Took};
use super::meter::Meter;
use crate::BenchError;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

/// Gives until the taker has everything.
pub(super) fn give(chunks: &Chunks, count: u64, tell: impl FnOnce(Listening)) -> Result<Gave, BenchError> {
    let name = format!("pollux-bench-{}", std::process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    tell(Listening { address: name, proof: String::new() });
    let (mut stream, _) = listener.accept()?;
    let meter = Meter::start();
    for number in 0..count {
        stream.write_all(chunks.bytes(number))?;
    }
    stream.shutdown(Shutdown::Write)?;
    // The taker hangs up when it has everything.
    stream.read_to_end(&mut Vec::new())?;
    Ok(meter.gave())
}

/// Takes everything.
pub(super) fn take(count: u64, listening: &Listening) -> Result<Took, BenchError> {
    let mut stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(&listening.address)?)?;
    let meter = Meter::start();
    let mut buffer = vec![0; usize::try_from(CHUNK_BYTES).unwrap_or_default()];
    let mut bytes: u64 = 0;
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        bytes = bytes.saturating_add(u64::try_from(count).unwrap_or_default());
    }
    meter.took(bytes, count)
}
