//! `pollux publish`

use super::common::{Common, disabled, parse_seconds};
use super::exit::{Failure, Kind};
use super::progress::Progress;
use super::{Done, output, saved, signals};
use clap::Args;
use pollux_client::flow::{Deadlines, PublishRequest, publish};
use pollux_client::text_file;
use pollux_core::limits::ENVELOPE_JSON_BYTES_MAX;
use pollux_core::{DocumentError, Envelope, Manifest};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Publish what was saved with --unsigned-out and signed elsewhere
///
/// Run it on the instance whose node took the chunks, within an hour of the save: the node is their holder until the
/// seeds have them. It ends as `pollux save` does. To publish the same manifest again does no harm.
///
/// The signature covers the sequence, so a vote that was lost cannot be tried again at a higher one: status 0 where
/// another save stands ("lost-race"), status 7 where one is under way that does not count yet. Both times, what is to be
/// saved all the same needs another `pollux save --unsigned-out` and another signature.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n\n  pollux publish statement.json.signed")]
pub(crate) struct Arguments {
    /// The signed manifest that `pollux sign` wrote
    file: PathBuf,
    /// Seconds until the node's first answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    answer_timeout: Duration,
    /// Seconds in all
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(crate) fn run(arguments: Arguments) -> Done {
    let json = arguments.common.json;
    if disabled() {
        return output::print_disabled(json);
    }
    let request = PublishRequest {
        manifest: read(&arguments.file)?,
        socket: arguments.common.socket,
        deadlines: Deadlines {
            answer: arguments.answer_timeout,
            progress: arguments.timeout,
            total: arguments.timeout,
        },
        interrupted: signals::interruption()?,
    };
    let mut progress = Progress::new();
    let outcome = publish(&request, &mut progress);
    progress.end();
    saved::print(&outcome?, None, json)
}

/// A signed manifest; whether the signature is believed, the node says.
fn read(path: &Path) -> Result<Envelope, Failure> {
    let text = text_file::read(path, ENVELOPE_JSON_BYTES_MAX)?;
    let failure = |why: &DocumentError| {
        Failure::new(Kind::Usage, format!("{}: no signed manifest: {why}", path.display()))
            .hint("name the file that `pollux sign` wrote")
    };
    let envelope = Envelope::from_json(&text).map_err(|why| failure(&why))?;
    envelope.body::<Manifest>().map_err(|why| failure(&why))?;
    if envelope.signatures.is_empty() {
        let why = DocumentError::Invalid { field: "signatures", why: "there is none".to_owned() };
        return Err(failure(&why));
    }
    Ok(envelope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_no_signed_manifest_is_refused_with_a_hint() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signed.json");
        let unsigned = r#"{"payloadType":"x","payload":"e30=","signatures":[]}"#;
        for text in ["", "{}", unsigned, "{\"version\":1}"] {
            fs::write(&path, text).unwrap();
            let failure = read(&path).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            assert!(failure.hint.unwrap().contains("pollux sign"), "{}", failure.message);
        }
        fs::write(&path, " ".repeat(ENVELOPE_JSON_BYTES_MAX + 1)).unwrap();
        assert!(read(&path).unwrap_err().message.contains("longer than"));
    }
}
