//! The hidden subcommand: one side of a contender, or all of them one after the other.

use super::chunks::Chunks;
use super::line::{Gave, Listening, Took};
use super::{Contender, Served, pair, pollux, run_once, socket, stock, tcp, tls, unix};
use crate::{BenchError, failed};
use clap::Parser;
use pollux_tests::Programs;
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::Serialize;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Move chunks between two processes
#[derive(Debug, Parser)]
#[command(name = "bench contender")]
enum Verb {
    /// Give so many chunks to who connects
    Give {
        /// How they are moved
        contender: Contender,
        /// How many
        chunks: u64,
    },
    /// Take them
    Take {
        /// How they are moved
        contender: Contender,
        /// How many
        chunks: u64,
        /// What the giver has printed
        listening: String,
    },
    /// Give and take so many chunks in two processes
    Once {
        /// How they are moved
        contender: Contender,
        /// How many
        chunks: u64,
    },
    /// Every contender once
    All {
        /// How many gigabytes each moves
        gigabytes: u64,
    },
    /// Take so many bytes from a node
    Drain {
        /// Its socket
        socket: PathBuf,
        /// How many
        bytes: u64,
    },
    /// The same, with a pool of its own
    Socket {
        /// The pool goes below this directory
        work: PathBuf,
        /// Files of 4 MB that are saved
        files: usize,
        /// How many bytes are taken
        bytes: u64,
    },
}

/// `bench contender …`; the first argument is that word.
pub(crate) fn contender(arguments: impl Iterator<Item = String>) -> ExitCode {
    match run(Verb::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn run(verb: Verb) -> Result<(), BenchError> {
    match verb {
        Verb::Give { contender, chunks } => {
            dies_with_its_parent()?;
            print(&give(contender, &Arc::new(Chunks::made()), chunks, |listening| print(&listening))?);
        }
        Verb::Take { contender, chunks, listening } => {
            dies_with_its_parent()?;
            let listening = serde_json::from_str(&listening).map_err(io::Error::other)?;
            print(&take(contender, &Arc::new(Chunks::made()), chunks, &listening)?);
        }
        Verb::Drain { socket, bytes } => {
            dies_with_its_parent()?;
            print(&socket::drain(&socket, bytes)?);
        }
        Verb::Socket { work, files, bytes } => {
            let directory = tempfile::Builder::new().prefix("pollux-bench-").tempdir_in(work)?;
            let served = Served::start(Programs::beside_this_one()?, directory.path(), files)?;
            print(&json!({ "contender": "socket", "what": Served::WHAT, "moved": served.run_once(bytes)? }));
        }
        Verb::Once { contender, chunks } => print(&pair::run(contender, chunks)?),
        Verb::All { gigabytes } => {
            for contender in Contender::ALL {
                let moved = run_once(contender, gigabytes)?;
                print(&json!({ "contender": contender.name(), "what": contender.what(), "moved": moved }));
            }
        }
    }
    Ok(())
}

/// One side.
pub(super) fn give(
    contender: Contender,
    chunks: &Arc<Chunks>,
    count: u64,
    tell: impl FnOnce(Listening) + Send + 'static,
) -> Result<Gave, BenchError> {
    let chunks = Arc::clone(chunks);
    match contender {
        Contender::Pollux => as_a_task(async move { pollux::give(&chunks, tell).await }),
        Contender::Tls => as_a_task(async move { tls::give(&chunks, count, tell).await }),
        Contender::Libp2p => as_a_task(async move { stock::give(&chunks, count, tell).await }),
        Contender::Tcp => as_a_task(async move { tcp::give(&chunks, count, tell).await }),
        Contender::Unix => unix::give(&chunks, count, tell),
    }
}

/// The other side.
pub(super) fn take(
    contender: Contender,
    chunks: &Arc<Chunks>,
    count: u64,
    listening: &Listening,
) -> Result<Took, BenchError> {
    let (chunks, listening) = (Arc::clone(chunks), listening.clone());
    match contender {
        Contender::Pollux => as_a_task(async move { pollux::take(&chunks, count, &listening).await }),
        Contender::Tls => as_a_task(async move { tls::take(&chunks, count, &listening).await }),
        Contender::Libp2p => as_a_task(async move { stock::take(&chunks, count, &listening).await }),
        Contender::Tcp => as_a_task(async move { tcp::take(&chunks, count, &listening).await }),
        Contender::Unix => unix::take(count, &listening),
    }
}

/// On one of the runtime's own threads, as a daemon's tasks are: from the thread that waits for all of it, each chunk would be
/// handed over once more.
fn as_a_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, BenchError>> + Send + 'static,
) -> Result<T, BenchError> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(runtime.spawn(work)).map_err(|error| BenchError::step("the wire", error))?
}

/// Nobody reads the figures of a benchmark that was killed.
fn dies_with_its_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

fn print(line: &impl Serialize) {
    let line = json!(line).to_string();
    // Who started this one is gone, or has heard enough.
    drop(writeln!(io::stdout(), "{line}"));
}
