//! One running `pollux-node`.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A daemon that has not said that it is ready by then never will.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// A daemon that was told to stop and has not by then hangs.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Lines at the end of a log that tell why it is in trouble.
const LINES_TOLD: usize = 20;

/// A daemon under test. Dropped, it is killed.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    /// Where jobs reach it.
    pub socket: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
    /// Its peer id.
    pub peer: String,
    /// Where peers reach it.
    pub listen: String,
    /// Where it serves its metrics; empty: nowhere.
    pub metrics: String,
    /// From start to ready.
    pub ready_after: Duration,
}

/// Why a daemon does not come up.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It cannot be started.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It ended or hung instead of getting ready.
    #[error("the daemon did not get ready (exit status {status:?}); its log says:\n{log}")]
    NotReady {
        /// Its exit status; none if it hung.
        status: Option<i32>,
        /// What it said, and others that logged there before.
        log: String,
    },
}

impl Daemon {
    /// Starts a daemon and waits for its ready line. Its log is appended to `log`.
    ///
    /// # Errors
    /// A daemon that ends or hangs before it is ready; the error carries its log.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, DaemonError> {
        let began = Instant::now();
        let log_file = File::options().create(true).append(true).open(log)?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file).spawn()?;
        let ready = ready_line(&mut child);
        let Some(ready) = ready else {
            // One that has ended already keeps its own status.
            drop(child.kill());
            let status = child.wait().ok().and_then(|status| status.code());
            return Err(DaemonError::NotReady { status, log: fs::read_to_string(log).unwrap_or_default() });
        };
        Ok(Self {
            child,
            socket: field(&ready, "socket=").into(),
            log: log.to_owned(),
            peer: field(&ready, "peer="),
            listen: field(&ready, "listen="),
            metrics: field(&ready, "metrics="),
            ready_after: began.elapsed(),
        })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// It is gone already.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// It is gone already.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(pid, signal)?)
    }

    /// Stops it as a service manager does, and waits for its end.
    ///
    /// # Errors
    /// It does not stop in time.
    pub fn stop(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(STOP_TIMEOUT)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It does not end in time.
    pub fn wait(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LINES_TOLD)..).unwrap_or_default().join("\n")
    }

    /// Resident memory now, and at its highest, in bytes.
    ///
    /// # Errors
    /// It is gone.
    pub fn memory(&self) -> io::Result<(u64, u64)> {
        memory_of(self.pid())
    }

    /// Seconds of CPU that it has used.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu_seconds(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: f64 =
            after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
        // The kernel counts in hundredths on every architecture that we run on.
        Ok(ticks / 100.0)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Resident memory of a process now, and at its highest, in bytes; none of one that has ended and is not waited for yet.
///
/// # Errors
/// It is gone.
pub fn memory_of(process: u32) -> io::Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok((kilobytes(&status, "VmRSS:"), kilobytes(&status, "VmHWM:")))
}

fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let number = line.split_whitespace().next().and_then(|text| text.parse::<u64>().ok());
    number.unwrap_or_default() * 1024
}

/// The first line that it prints, unless it ends or takes too long.
fn ready_line(child: &mut Child) -> Option<String> {
    let output = child.stdout.take()?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        if BufReader::new(output).read_line(&mut line).is_ok() {
            // Nobody waits any more: the daemon took too long.
            drop(sender.send(line));
        }
    });
    match receiver.recv_timeout(READY_TIMEOUT) {
        Ok(line) if line.starts_with("ready ") => Some(line),
        Ok(_) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
    }
}

fn field(line: &str, name: &str) -> String {
    let value = line.split_whitespace().find_map(|word| word.strip_prefix(name));
    value.unwrap_or_default().to_owned()
}
