//! `pollux status --job`: what of a job's caches was taken back since.

use crate::cli::exit::{Failure, Kind};
use crate::cli::{Done, output};
use pollux_client::connection::Connection;
use pollux_client::flow::used;
use pollux_client::protocol::TakenBack;
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
struct Report {
    taken_back: Vec<TakenBack>,
}

pub(super) fn run(connection: &Connection, patience: Duration, json: bool) -> Done {
    let report = Report { taken_back: used(connection, Vec::new(), patience)? };
    if json { output::print_json(&report) } else { output::print(&words(&report)) }?;
    let hint = "what the job made of them is not to be trusted: `pollux restore` in a fresh job gets what stands now";
    match report.taken_back.len() {
        0 => Ok(()),
        1 => Err(Failure::new(Kind::TakenBack, "a cache that was restored here was taken back").hint(hint)),
        many => {
            let message = format!("{many} caches that were restored here were taken back");
            Err(Failure::new(Kind::TakenBack, message).hint(hint))
        }
    }
}

/// A line for each, and one for why.
fn words(report: &Report) -> String {
    if report.taken_back.is_empty() {
        return "nothing that was restored here was taken back".to_owned();
    }
    let lines = report.taken_back.iter().map(|one| {
        let key = one.key.as_ref().map_or("(another key)", |key| key.as_str());
        format!("{key}  {}\n  {}", one.manifest, output::printable(&one.why))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::ManifestId;

    fn report() -> Report {
        let manifest = ManifestId::from_bytes([0xab; 32]);
        let key = Some("a/b/c".parse().unwrap());
        let why = "taken back:\u{1b}[31m poison".to_owned();
        Report { taken_back: vec![TakenBack { manifest, key, why }] }
    }

    #[test]
    fn what_was_taken_back_is_named_with_the_reason() {
        let text = words(&report());
        assert!(text.starts_with("a/b/c  abab"), "{text}");
        assert!(text.ends_with("\n  taken back:\\u{1b}[31m poison"), "{text}");
        let text = output::json(&report()).unwrap();
        assert!(text.contains("\"key\": \"a/b/c\""), "{text}");
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        let none = Report { taken_back: Vec::new() };
        assert_eq!(words(&none), "nothing that was restored here was taken back");
        assert!(output::json(&none).unwrap().contains("\"taken_back\": []"));
    }
}
