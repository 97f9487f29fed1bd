//! `pollux who`

use super::common::{Common, disabled, parse_seconds};
use super::exit::Failure;
use super::{Done, output};
use clap::Args;
use pollux_client::connection::Connection;
use pollux_client::flow::{contents_of, list, open_manifest};
use pollux_client::printable::printable;
use pollux_core::message::ListQuery;
use pollux_core::{Key, Manifest, ManifestId, Pattern, Timestamp};
use pollux_packages::list::Listed;
use pollux_packages::purl::{Purl, PurlError};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// Pages of saves that are looked through at most.
const PAGES_MAX: usize = 1024;
/// Ancestors that are asked for at most: seeds keep the newest few of each lineage.
const ANCESTORS_ASKED_MAX: usize = 4096;

/// Tell which saves hold a package, which of them brought it first, and from which pipeline
///
/// Looks through the lists of packages that saves recorded (`pollux run`, `pollux save --audit`), of all saves that seeds
/// keep: the newest of each key and those that it was made from. What seeds keep no more is in `pollux log`.
///
/// Examples:
///
///   pollux who pkg:npm/left-pad
///
///   pollux who pkg:pypi/requests@2.31.0 'PROJECT/**'
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The package, as a Package URL; without a version any will do
    #[arg(value_parser = purl)]
    package: Purl,
    /// Only saves of keys that this pattern covers
    pattern: Option<Pattern>,
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

fn purl(text: &str) -> Result<Purl, PurlError> {
    text.parse()
}

/// A save that holds it.
#[derive(Debug, Serialize)]
struct Holder {
    key: Key,
    manifest_id: ManifestId,
    sequence: u64,
    created: Timestamp,
    pipeline: String,
    build: String,
    packages: Vec<Listed>,
    /// Of all that are known here, it was the first to hold this version.
    first: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    package: Purl,
    holders: Vec<Holder>,
    /// Saves that were looked through.
    looked_through: usize,
    /// Saves that recorded no list, or whose list cannot be had.
    without_list: usize,
    from_seed: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let connection = arguments.common.connect(arguments.timeout)?;
    let (saves, from_seed) = saves(&connection, arguments)?;
    let mut report = Report {
        package: arguments.package.clone(),
        holders: Vec::new(),
        looked_through: saves.len(),
        without_list: 0,
        from_seed,
    };
    for (id, manifest) in saves {
        let found =
            contents_of(&connection, id, &manifest, arguments.timeout).ok().and_then(|found| found.packages);
        let Some(packages) = found else {
            report.without_list += 1;
            continue;
        };
        let those = packages.packages().iter().filter(|listed| listed.purl.is(&arguments.package));
        report.add(id, manifest, those.cloned().collect());
    }
    report.find_first();
    if arguments.common.json { output::print_json(&report) } else { output::print(&words(&report)) }
}

/// The saves that seeds keep: the newest of each key, and what those were made from.
fn saves(
    connection: &Connection,
    arguments: &Arguments,
) -> Result<(Vec<(ManifestId, Manifest)>, bool), Failure> {
    let (mut saves, mut after, mut seed) = (Vec::new(), None, true);
    for _ in 0..PAGES_MAX {
        let what = ListQuery::Pattern { pattern: arguments.pattern.clone(), after };
        let (rows, more, from_seed) = list(connection, what, arguments.timeout)?;
        seed &= from_seed;
        saves.extend(rows.iter().filter_map(open_manifest));
        after = saves.last().map(|(_, manifest): &(ManifestId, Manifest)| manifest.key.clone());
        if !more || rows.is_empty() {
            break;
        }
    }
    let known: BTreeSet<ManifestId> = saves.iter().map(|(id, _)| *id).collect();
    let ancestors: BTreeSet<ManifestId> =
        saves.iter().flat_map(|(_, manifest)| manifest.ancestors.iter().copied()).collect();
    for id in ancestors.difference(&known).take(ANCESTORS_ASKED_MAX) {
        let (rows, _, _) = list(connection, ListQuery::Manifest(*id), arguments.timeout)?;
        saves.extend(rows.iter().filter_map(open_manifest));
    }
    Ok((saves, seed))
}

impl Report {
    fn add(&mut self, id: ManifestId, manifest: Manifest, packages: Vec<Listed>) {
        if packages.is_empty() {
            return;
        }
        self.holders.push(Holder {
            key: manifest.key,
            manifest_id: id,
            sequence: manifest.sequence,
            created: manifest.created,
            pipeline: manifest.provenance.pipeline,
            build: manifest.provenance.build,
            packages,
            first: false,
        });
    }

    /// Of each version the earliest save is the first.
    fn find_first(&mut self) {
        self.holders.sort_by_key(|holder| holder.created);
        let mut seen: BTreeSet<Purl> = BTreeSet::new();
        for holder in &mut self.holders {
            for package in &holder.packages {
                holder.first |= seen.insert(package.purl.clone());
            }
        }
    }
}

fn words(report: &Report) -> String {
    let mut lines = vec![format!(
        "{}: in {} of {} saves{}",
        report.package,
        report.holders.len(),
        report.looked_through,
        if report.without_list > 0 {
            format!("; {} recorded no list", report.without_list)
        } else {
            String::new()
        },
    )];
    if !report.from_seed {
        lines.push("no seed answered: this is only what the node itself knows".to_owned());
    }
    for holder in &report.holders {
        let from = [("pipeline", &holder.pipeline), ("build", &holder.build)];
        let from = from
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!(", {name} {value}"));
        lines.push(format!(
            "{} {} {} (manifest {}, sequence {}{})",
            if holder.first { "first" } else { "     " },
            holder.created,
            holder.key,
            holder.manifest_id.short(),
            holder.sequence,
            from.collect::<String>(),
        ));
        lines.extend(holder.packages.iter().map(|package| format!("        {}", package.purl)));
    }
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}
