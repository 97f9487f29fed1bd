//! `pollux who`

use super::common::{Common, disabled, parse_seconds};
use super::exit::Failure;
use super::output::count;
use super::{Done, output};
use clap::Args;
use pollux_client::connection::Connection;
use pollux_client::flow::{contents_of, list, open_manifest};
use pollux_client::printable::printable;
use pollux_core::message::ListQuery;
use pollux_core::{Key, Manifest, ManifestId, Pattern, Provenance, Timestamp};
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
/// keep: the newest of each key and those that it was made from. Of each version the earliest of these is marked as the first. What seeds keep no more is in `pollux log`.
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
    project: String,
    pipeline: String,
    job: String,
    build: String,
    commit: String,
    packages: Vec<Listed>,
    /// Of all that are known here, it was the first to hold a version.
    first: bool,
    /// Which versions those are.
    first_of: BTreeSet<Purl>,
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

impl Holder {
    /// One for the save, and one for each package that it holds.
    fn lines(&self) -> Vec<String> {
        let from = [
            ("project", &self.project),
            ("pipeline", &self.pipeline),
            ("job", &self.job),
            ("build", &self.build),
            ("commit", &self.commit),
        ];
        let from = from.iter().filter(|(_, value)| !value.is_empty());
        let mut lines = vec![format!(
            "{} {} (manifest {}, sequence {}{})",
            self.created,
            self.key,
            self.manifest_id.short(),
            self.sequence,
            from.map(|(name, value)| format!(", {name} {value}")).collect::<String>(),
        )];
        let purls: BTreeSet<&Purl> = self.packages.iter().map(|package| &package.purl).collect();
        let first = |purl: &Purl| if self.first_of.contains(purl) { "first" } else { "     " };
        lines.extend(purls.into_iter().map(|purl| format!("  {} {purl}", first(purl))));
        lines
    }
}

impl Report {
    fn add(&mut self, id: ManifestId, manifest: Manifest, packages: Vec<Listed>) {
        if packages.is_empty() {
            return;
        }
        let Provenance { project, pipeline, job, build, commit, .. } = manifest.provenance;
        self.holders.push(Holder {
            key: manifest.key,
            manifest_id: id,
            sequence: manifest.sequence,
            created: manifest.created,
            project,
            pipeline,
            job,
            build,
            commit,
            packages,
            first: false,
            first_of: BTreeSet::new(),
        });
    }

    /// Of each version the earliest save is the first.
    fn find_first(&mut self) {
        self.holders.sort_by_key(|holder| holder.created);
        let mut seen: BTreeSet<Purl> = BTreeSet::new();
        for holder in &mut self.holders {
            let new = holder.packages.iter().map(|package| &package.purl);
            holder.first_of = new.filter(|purl| seen.insert((*purl).clone())).cloned().collect();
            holder.first = !holder.first_of.is_empty();
        }
    }
}

fn words(report: &Report) -> String {
    let mut lines = vec![format!(
        "{}: in {} of {}{}",
        report.package,
        report.holders.len(),
        count(report.looked_through, "save"),
        if report.without_list > 0 {
            format!("; {} recorded no list", report.without_list)
        } else {
            String::new()
        },
    )];
    if !report.from_seed {
        lines.push("no seed answered: this is only what the node itself knows".to_owned());
    }
    lines.extend(report.holders.iter().flat_map(Holder::lines));
    lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_packages::Program;

    fn manifest(key: &str, created: u64, provenance: Provenance) -> Manifest {
        Manifest {
            pool: "ci".to_owned(),
            key: key.parse().unwrap(),
            sequence: 7,
            created: Timestamp::from_millis(created),
            expires: Timestamp::from_millis(created + 1000),
            tree: pollux_core::TreeRef {
                chunks: Vec::new(),
                totals: pollux_core::TreeTotals::default(),
                roots: vec![String::new()],
            },
            ancestors: Vec::new(),
            generation: 1,
            provenance,
            packages: None,
            grant: None,
        }
    }

    fn listed(version: &str, file: &str) -> Listed {
        Listed {
            program: Program::Npm,
            purl: Purl::new("npm", "left-pad").version(version),
            digest: None,
            source: None,
            files: vec![file.to_owned()],
            bytes: 3,
            unused: 0,
        }
    }

    fn report() -> Report {
        let package = "pkg:npm/left-pad".parse().unwrap();
        let mut report =
            Report { package, holders: Vec::new(), looked_through: 4, without_list: 1, from_seed: true };
        let known = Provenance {
            project: "core".to_owned(),
            pipeline: "gate".to_owned(),
            job: "unit".to_owned(),
            build: "4f2a".to_owned(),
            commit: "0123abcd".to_owned(),
            ..Provenance::default()
        };
        let id = |byte| ManifestId::from_bytes([byte; 32]);
        let both = vec![listed("1.2.0", "a"), listed("1.3.0", "a"), listed("1.3.0", "b")];
        report.add(id(2), manifest("p/later", 2000, known), both);
        report.add(id(1), manifest("p/early", 1000, Provenance::default()), vec![listed("1.2.0", "a")]);
        report.add(id(3), manifest("p/none", 500, Provenance::default()), Vec::new());
        report.add(id(4), manifest("p/last", 3000, Provenance::default()), vec![listed("1.3.0", "a")]);
        report.find_first();
        report
    }

    #[test]
    fn the_first_of_each_version_is_told_with_what_saved_it() {
        insta::assert_snapshot!(words(&report()));
    }

    #[test]
    fn in_json_each_first_names_its_versions() {
        let json: serde_json::Value = serde_json::from_str(&output::json(&report()).unwrap()).unwrap();
        let firsts: Vec<serde_json::Value> = json["holders"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| serde_json::json!([one["first"], one["first_of"]]))
            .collect();
        let expected = serde_json::json!([
            [true, ["pkg:npm/left-pad@1.2.0"]],
            [true, ["pkg:npm/left-pad@1.3.0"]],
            [false, []]
        ]);
        assert_eq!(serde_json::Value::from(firsts), expected);
        let from = ["project", "pipeline", "job", "build", "commit"].map(|name| &json["holders"][1][name]);
        assert_eq!(from, ["core", "gate", "unit", "4f2a", "0123abcd"]);
    }
}
