//! Log lines, on standard error.

use crate::config::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Whether a filter makes sense.
///
/// # Errors
/// One that does not parse, in words.
pub fn check(filter: &str) -> Result<(), String> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(filter).map_err(|error| format!("log filter `{filter}`: {error}"))
}

/// Starts logging. Later calls change nothing.
///
/// # Errors
/// A filter that does not parse, in words.
pub fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    let lines = tracing_subscriber::fmt().with_env_filter(parse(filter)?).with_writer(std::io::stderr);
    // Fails where logging has started already.
    drop(match format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_makes_no_sense_is_repeated() {
        assert_eq!(check("info,pollux_node=debug"), Ok(()));
        assert!(check("pollux_node=loudly").unwrap_err().contains("pollux_node=loudly"));
    }

    #[test]
    fn logging_starts_once_and_a_second_start_is_harmless() {
        assert_eq!(start(LogFormat::Human, "off"), Ok(()));
        assert_eq!(start(LogFormat::Json, "off"), Ok(()));
        assert!(start(LogFormat::Json, "=").is_err());
    }
}
