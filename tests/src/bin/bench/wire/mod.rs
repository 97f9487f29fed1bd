//! The wire alone: the same chunks from one process to another, by Pollux's wire and by others.
//!
//! Each contender is two processes of this program on loopback: one gives, one takes. The taker hashes every chunk and
//! compares it with the name that it expects, except where nothing is verified by intention. Clocks start when
//! connections stand and the first byte is due, so that neither handshakes nor making the chunks count. Every process
//! has a tokio runtime with a thread per core, as the node has, and the allocator that the node has.
//!
//! What a figure of `pollux` is not: the engine and the store have no part in it. A frame is copied out of memory, as the
//! node would out of the page cache; the others write from memory without a copy, and so are what cannot be undercut.
//!
//! ```text
//! rows      the table
//! pair      two processes, and what they say
//! verb      the hidden subcommand that they run
//! pollux    tls  stock  tcp  unix: the contenders
//! socket    what a node gives to a client
//! streams   chunk after chunk over plain streams
//! chunks    what is moved
//! line      the lines of JSON between the processes
//! meter     wall time and CPU of one process
//! ```

mod chunks;
mod line;
mod meter;
mod pair;
mod pollux;
mod rows;
mod socket;
mod stock;
mod streams;
mod tcp;
mod tls;
mod unix;
mod verb;

#[cfg(test)]
mod tests;

use crate::BenchError;
use chunks::CHUNK_BYTES;
use clap::ValueEnum;
pub(crate) use rows::measure;
use serde::Serialize;
use socket::Served;
pub(crate) use verb::contender;

/// Who moves the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Contender {
    /// The node's own wire.
    Pollux,
    /// TLS without a protocol.
    Tls,
    /// libp2p as it comes.
    Libp2p,
    /// No encryption.
    Tcp,
    /// Within one machine.
    Unix,
}

impl Contender {
    /// All, in the order in which they are told.
    pub(crate) const ALL: [Self; 5] = [Self::Pollux, Self::Tls, Self::Libp2p, Self::Tcp, Self::Unix];

    /// Its name on the command line and in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pollux => "pollux",
            Self::Tls => "tls",
            Self::Libp2p => "libp2p",
            Self::Tcp => "tcp",
            Self::Unix => "unix",
        }
    }

    /// What it is, for people.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Pollux => {
                "the node's wire: 16 chunks asked for ahead, on up to two bulk connections, verified"
            }
            Self::Tls => {
                "TLS 1.3 AES-128-GCM by tokio-rustls on two connections, chunk after chunk, verified"
            }
            Self::Libp2p => {
                "stock libp2p (TCP, Noise, yamux), one stream, 16 chunks asked for ahead, verified"
            }
            Self::Tcp => "two TCP connections, not encrypted, chunk after chunk, verified",
            Self::Unix => "one unix socket, chunk after chunk, not verified",
        }
    }
}

/// What one run moved, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Moved {
    /// Bytes of chunks.
    pub(crate) bytes: u64,
    /// Wall time of the taker.
    pub(crate) seconds: f64,
    /// CPU seconds of the giving process.
    pub(crate) giver_cpu: f64,
    /// CPU seconds of the taking process.
    pub(crate) taker_cpu: f64,
}

/// Moves so many gigabytes (rounded down to whole chunks) with one contender, in two new processes.
///
/// # Errors
/// A process cannot be started, ends early, hangs, or takes a byte that is wrong.
pub(crate) fn run_once(contender: Contender, gigabytes: u64) -> Result<Moved, BenchError> {
    pair::run(contender, gigabytes.saturating_mul(1_000_000_000) / u64::from(CHUNK_BYTES))
}
