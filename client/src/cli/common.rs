//! Flags that several verbs share.

use super::exit::Failure;
use clap::Args;
use pollux_client::connection::Connection;
use pollux_client::flow::{Deadlines, NO_NODE};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Where a packaged node has its socket.
pub(crate) const SOCKET: &str = "/run/pollux/pollux.sock";
/// Where a packaged seed has its own.
const SEED_SOCKET: &str = "/run/pollux-seed/pollux.sock";

/// How to reach the node, and how to print.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The node's socket
    #[arg(long, env = "POLLUX_SOCKET", default_value = SOCKET, value_name = "PATH")]
    pub(crate) socket: PathBuf,
    /// Print one JSON object instead of words
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long a restore or a search may wait.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Patience {
    /// Seconds until the first answer
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = parse_seconds)]
    answer_timeout: Duration,
    /// Seconds without any progress
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    progress_timeout: Duration,
    /// Seconds in all
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = parse_seconds)]
    timeout: Duration,
}

impl Patience {
    pub(crate) const fn deadlines(self) -> Deadlines {
        Deadlines { answer: self.answer_timeout, progress: self.progress_timeout, total: self.timeout }
    }
}

impl Common {
    /// Connects to the node.
    pub(crate) fn connect(&self, patience: Duration) -> Result<Connection, Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        Connection::open(&self.socket, patience, interrupted)
            .map_err(|error| Failure { reason: Some(NO_NODE), ..error.into() })
    }

    /// The same for who only looks how it is: on a machine of a seed alone, the seed is meant.
    pub(crate) fn here(&self) -> Self {
        let seed = is_of_seed(&self.socket);
        let socket = if seed { SEED_SOCKET.into() } else { self.socket.clone() };
        Self { socket, json: self.json }
    }
}

/// Whether this is the socket of a packaged node that is not there, and that of a seed is.
pub(crate) fn is_of_seed(socket: &Path) -> bool {
    is_seeds(socket, Path::exists)
}

fn is_seeds(socket: &Path, there: impl Fn(&Path) -> bool) -> bool {
    socket == Path::new(SOCKET) && !there(socket) && there(Path::new(SEED_SOCKET))
}

/// Whether the environment turns every verb into a polite miss.
pub(crate) fn disabled() -> bool {
    std::env::var_os("POLLUX_DISABLE").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Seconds as people write them: `3` or `0.5`, more than nothing and at most an hour.
pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
    if !(seconds > 0.0 && seconds <= 3600.0) {
        return Err("more than 0 and at most 3600 seconds".to_owned());
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_alone_is_asked_in_place_of_a_node() {
        let there =
            |those: &'static [&'static str]| move |path: &Path| those.contains(&path.to_str().unwrap());
        assert!(is_seeds(Path::new(SOCKET), there(&[SEED_SOCKET])));
        assert!(!is_seeds(Path::new(SOCKET), there(&[SOCKET, SEED_SOCKET])));
        assert!(!is_seeds(Path::new(SOCKET), there(&[])));
        assert!(!is_seeds(Path::new("/mine"), there(&[SEED_SOCKET])), "somebody named another");
    }

    #[test]
    fn seconds_are_bounded() {
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_seconds("0").unwrap_err(), "more than 0 and at most 3600 seconds");
        for wrong in ["0", "-1", "NaN", "inf", "3601", "soon"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
