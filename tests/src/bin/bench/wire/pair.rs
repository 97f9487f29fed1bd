//! Two processes of this program: one gives, the other takes.

use super::line::{Gave, Listening, Took};
use super::{Contender, Moved};
use crate::BenchError;
use serde::de::DeserializeOwned;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

/// A giver that does not listen by then never will.
const LISTEN_PATIENCE: Duration = Duration::from_secs(20);
/// For the whole move: hundreds of gigabytes at the pace of the slowest.
const MOVE_PATIENCE: Duration = Duration::from_mins(10);
/// For the giver to notice that the taker has gone, and for each to end.
const END_PATIENCE: Duration = Duration::from_secs(20);

/// Moves so many chunks.
pub(super) fn run(contender: Contender, chunks: u64) -> Result<Moved, BenchError> {
    let (name, chunks) = (contender.name(), chunks.to_string());
    let mut giver = Process::start(&["give", name, &chunks])?;
    let listening: Listening = giver.line(LISTEN_PATIENCE)?;
    let listening = serde_json::to_string(&listening).map_err(std::io::Error::other)?;
    let mut taker = Process::start(&["take", name, &chunks, &listening])?;
    let took: Took = taker.line(MOVE_PATIENCE)?;
    let gave: Gave = giver.line(END_PATIENCE)?;
    taker.end()?;
    giver.end()?;
    Ok(Moved { bytes: took.bytes, seconds: took.seconds, giver_cpu: gave.cpu, taker_cpu: took.cpu })
}

/// One side. Killed when it is dropped.
pub(super) struct Process {
    what: String,
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts `bench contender` with these arguments.
    pub(super) fn start(arguments: &[&str]) -> Result<Self, BenchError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("contender").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let lines = lines_of(child.stdout.take());
        Ok(Self { what: arguments.iter().take(2).copied().collect::<Vec<_>>().join(" "), child, lines })
    }

    /// The next line that it prints.
    pub(super) fn line<T: DeserializeOwned>(&self, patience: Duration) -> Result<T, BenchError> {
        let line = self.lines.recv_timeout(patience);
        let line = line.map_err(|_| BenchError::step(&self.what, "it says nothing"))?;
        serde_json::from_str(&line).map_err(|error| BenchError::step(&self.what, error))
    }

    /// Waits for its end, which is near after its last line.
    pub(super) fn end(&mut self) -> Result<(), BenchError> {
        // Its output is closed then.
        if self.lines.recv_timeout(END_PATIENCE) != Err(RecvTimeoutError::Disconnected) {
            return Err(BenchError::step(&self.what, "it does not end"));
        }
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(BenchError::step(&self.what, status)) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads in a thread, so that waiting can have an end.
fn lines_of(output: Option<ChildStdout>) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()) {
            // Nobody listens any more: the process is killed then.
            let Ok(()) = line.map_or(Ok(()), |line| sender.send(line)) else { return };
        }
    });
    receiver
}
