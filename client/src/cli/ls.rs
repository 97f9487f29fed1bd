//! `pollux ls`

use super::common::{Common, disabled, parse_seconds};
use super::exit::Failure;
use super::{Done, output};
use clap::Args;
use indicatif::HumanBytes;
use pollux_client::clock::now;
use pollux_client::flow::{list, open_manifest};
use pollux_core::message::ListQuery;
use pollux_core::{Key, Manifest, ManifestId, Pattern, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// Pages that are asked for at most: more keys than that want a pattern.
const PAGES_MAX: usize = 1024;

/// List the newest save of every key
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only keys that this pattern covers; `*` is one segment, `**` at the end one or more
    pattern: Option<Pattern>,
    /// Seconds to wait for a seed
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// One key.
#[derive(Debug, Serialize)]
struct Row {
    key: Key,
    manifest: ManifestId,
    /// The same, as `pollux show` calls it: there, `manifest` is the document.
    manifest_id: ManifestId,
    sequence: u64,
    created: Timestamp,
    expires: Timestamp,
    files: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Listing {
    rows: Vec<Row>,
    from_seed: bool,
}

impl Row {
    fn new(id: ManifestId, manifest: Manifest) -> Self {
        Self {
            manifest: id,
            manifest_id: id,
            sequence: manifest.sequence,
            created: manifest.created,
            expires: manifest.expires,
            files: manifest.tree.totals.files,
            bytes: manifest.tree.totals.bytes,
            key: manifest.key,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let listing = if disabled() {
        output::say(output::DISABLED);
        Listing { rows: Vec::new(), from_seed: false }
    } else {
        gather(arguments)?
    };
    if arguments.common.json {
        return output::print_json(&listing);
    }
    if disabled() {
        return Ok(());
    }
    if !listing.from_seed {
        output::say("no seed answered: this is only what the node itself knows");
    }
    output::print(&table(&listing.rows, arguments.pattern.as_ref(), now()))
}

fn gather(arguments: &Arguments) -> Result<Listing, Failure> {
    let connection = arguments.common.connect(arguments.timeout)?;
    let mut listing = Listing { rows: Vec::new(), from_seed: true };
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let what = ListQuery::Pattern { pattern: arguments.pattern.clone(), after };
        let (rows, more, from_seed) = list(&connection, what, arguments.timeout)?;
        listing.from_seed &= from_seed;
        let opened = rows.iter().filter_map(open_manifest);
        listing.rows.extend(opened.map(|(id, manifest)| Row::new(id, manifest)));
        after = listing.rows.last().map(|row| row.key.clone());
        if !more || rows.is_empty() {
            break;
        }
    }
    Ok(listing)
}

/// What there is; where there is nothing, whether that is because of what was asked.
fn table(rows: &[Row], pattern: Option<&Pattern>, now: Timestamp) -> String {
    if rows.is_empty() {
        return pattern.map_or_else(|| "nothing is saved".to_owned(), nothing);
    }
    let width = rows.iter().map(|row| row.key.as_str().len()).max().unwrap_or_default();
    let mut text = format!("{:width$}  {:>5}  {:>10}  {:>8}  SAVED", "KEY", "SEQ", "SIZE", "FILES");
    for row in rows {
        let size = HumanBytes(row.bytes).to_string();
        let saved = output::ago(now, row.created);
        let key = row.key.as_str();
        text += &format!("\n{key:width$}  {:>5}  {size:>10}  {:>8}  {saved}", row.sequence, row.files);
    }
    text
}

fn nothing(pattern: &Pattern) -> String {
    if pattern.as_str().contains('*') {
        return "nothing is saved under such keys".to_owned();
    }
    format!("nothing is saved as {pattern}; what is below it would be {pattern}/**")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_for_each_key() {
        let row = Row {
            key: "a/b".parse().unwrap(),
            manifest: ManifestId::from_bytes([1; 32]),
            manifest_id: ManifestId::from_bytes([1; 32]),
            sequence: 3,
            created: Timestamp::from_millis(0),
            expires: Timestamp::from_millis(9),
            files: 12,
            bytes: 2048,
        };
        let text = table(&[row], None, Timestamp::from_millis(5000));
        assert_eq!(
            text,
            "KEY    SEQ        SIZE     FILES  SAVED\na/b      3    2.00 KiB        12  5 s ago"
        );
        let empty = |pattern: &str| table(&[], pattern.parse().ok().as_ref(), Timestamp::default());
        assert_eq!(empty(""), "nothing is saved");
        assert_eq!(empty("core/**"), "nothing is saved under such keys");
        assert_eq!(empty("core"), "nothing is saved as core; what is below it would be core/**");
    }
}
