//! What programs that play a whole pool to a person share: how they speak, and how they are interrupted.

use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Says a line; a reader that has gone away is no reason to stop before cleaning up.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Says that a new step begins.
pub fn step(text: &str) {
    say(&format!("\n==> {text}"));
}

/// A flag that SIGINT and SIGTERM set, so that the running step ends and everything is cleaned up. On a terminal the
/// commands that run get the signal too.
///
/// # Errors
/// The system does not let the signals be handled.
pub fn interruption() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    Ok(interrupted)
}
