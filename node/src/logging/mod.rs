//! Log lines, on standard error; the latest warnings are kept besides, for who asks the node how it is.

mod priority;

use crate::config::LogFormat;
use pollux_client::printable::printable;
use pollux_client::protocol::{LoggedWarning, WARNING_BYTES_MAX, WARNINGS_KEPT};
use std::collections::VecDeque;
use std::fmt;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use priority::{complain, is_journal};

/// Whether a filter makes sense.
///
/// # Errors
/// One that does not parse, in words.
pub fn check(filter: &str) -> Result<(), String> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, String> {
    let words = |why: &dyn fmt::Display| format!("log filter `{filter}`: {why}");
    if let Some(word) = filter.split(',').map(str::trim).find(|word| is_unknown(word)) {
        let why = format!(
            "`{word}` is no level (off, error, warn, info, debug, trace); everything of a library is `{word}=trace`"
        );
        return Err(words(&why));
    }
    EnvFilter::try_new(filter).map_err(|error| words(&error))
}

/// A misspelt level would be taken for a library of that name, of which alone something is logged.
fn is_unknown(word: &str) -> bool {
    let bare = !word.is_empty() && !word.contains(['=', '[', ']', '{', '}']);
    bare && word.parse::<LevelFilter>().is_err() && !word.starts_with("pollux")
}

/// Starts logging. Later calls change nothing.
///
/// # Errors
/// A filter that does not parse, in words.
pub fn start(format: LogFormat, filter: &str) -> Result<(), String> {
    let lines = tracing_subscriber::fmt::layer().with_writer(priority::Lines::new());
    let lines = match format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Fails where logging has started already.
    drop(tracing_subscriber::registry().with(parse(filter)?).with(lines).with(Keeper).try_init());
    Ok(())
}

/// The latest of this process; a process has one log.
static KEPT: Mutex<VecDeque<LoggedWarning>> = Mutex::new(VecDeque::new());

/// The latest warnings and errors, the last one last; at most [`WARNINGS_KEPT`], printable. Kept only as far as the filter
/// lets them pass.
#[must_use]
pub fn warnings() -> Vec<LoggedWarning> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// Keeps warnings and errors.
#[derive(Debug)]
struct Keeper;

impl<S: Subscriber> Layer<S> for Keeper {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            _ => return,
        };
        let mut text = Text::default();
        event.record(&mut text);
        let line = LoggedWarning {
            time_ms: pollux_client::clock::now().as_millis(),
            level: level.to_owned(),
            text: text.printable(),
        };
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(line);
        if kept.len() > WARNINGS_KEPT {
            kept.pop_front();
        }
    }
}

/// The message, then ` name=value` for each field.
#[derive(Debug, Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn printable(self) -> String {
        let mut text = printable(&(self.message + &self.fields));
        text.truncate(text.floor_char_boundary(WARNING_BYTES_MAX));
        text
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A field is cut where nothing after it would be kept anyway.
        let value: String = format!("{value:?}").chars().take(WARNING_BYTES_MAX).collect();
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields += &format!(" {}={value}", field.name());
        }
    }
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
    fn a_misspelt_level_is_no_filter() {
        for wrong in ["inf", "warning", "info,debg"] {
            assert!(check(wrong).unwrap_err().contains("is no level"), "{wrong}");
        }
        for good in ["INFO", "off", "pollux_node", "warn,libp2p_swarm=debug", "[{peer=x}]=debug", ""] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn logging_starts_once_and_a_second_start_is_harmless() {
        assert_eq!(start(LogFormat::Human, "off"), Ok(()));
        assert_eq!(start(LogFormat::Json, "off"), Ok(()));
        assert!(start(LogFormat::Json, "=").is_err());
    }

    #[test]
    fn the_latest_warnings_are_kept_printable_and_cut() {
        let subscriber = tracing_subscriber::registry().with(Keeper);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("nobody keeps this");
            tracing::warn!(peer = "\u{202e}x", "odd {}", 1);
            (0..=WARNINGS_KEPT).for_each(|number| tracing::error!(number, long = %"ä".repeat(9000), "again"));
        });
        let kept = warnings();
        assert_eq!(kept.len(), WARNINGS_KEPT);
        assert!(kept.iter().all(|line| line.text.len() <= WARNING_BYTES_MAX && line.level != "info"));
        let last = kept.last().unwrap();
        assert!(last.text.starts_with(&format!("again number={WARNINGS_KEPT} long=ää")), "{}", last.text);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Keeper), || {
            tracing::warn!(peer = "\u{202e}x", "odd {}", 1);
        });
        let texts: Vec<String> = warnings().into_iter().map(|line| line.text).collect();
        assert!(texts.contains(&"odd 1 peer=\"\\u{202e}x\"".to_owned()), "{texts:?}");
    }
}
