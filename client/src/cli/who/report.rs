//! What was found of a package, in words and as JSON.

use super::search::Saves;
use crate::cli::exit::{Failure, FailureReport, Kind};
use crate::cli::output::{self, count};
use crate::cli::{Done, output::printable};
use pollux_client::flow::Miss;
use pollux_core::engine::MissReason;
use pollux_core::{Key, Manifest, ManifestId, Provenance, Timestamp};
use pollux_packages::list::{Listed, PackageList};
use pollux_packages::purl::Purl;
use serde::Serialize;
use std::collections::BTreeSet;

const NOT_ALL: &str = "--timeout gives it longer; `pollux doctor` says whether seeds are away";

/// A save that holds it.
#[derive(Debug, Serialize)]
struct Holder {
    key: Key,
    manifest_id: ManifestId,
    sequence: u64,
    created: Timestamp,
    ci: String,
    project: String,
    r#ref: String,
    change: String,
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
pub(super) struct Report {
    package: Purl,
    holders: Vec<Holder>,
    /// Saves that were looked through.
    looked_through: usize,
    /// Those of them that recorded no list.
    without_list: usize,
    /// Saves that were taken back: nobody gives what they hold.
    taken_back: usize,
    /// Saves that could not be looked at.
    not_looked_at: usize,
    from_seed: bool,
    /// Why not, of the first.
    #[serde(skip)]
    why: Option<String>,
}

/// It, and why it is not all.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(flatten)]
    failure: Option<FailureReport<'a>>,
}

impl Report {
    pub(super) fn new(package: Purl, saves: &Saves) -> Self {
        Self {
            package,
            holders: Vec::new(),
            looked_through: saves.found.len(),
            without_list: 0,
            taken_back: saves.taken_back.len(),
            not_looked_at: saves.not_asked,
            from_seed: saves.from_seed,
            why: (saves.not_asked > 0).then(|| Miss::TooSlow.to_string()),
        }
    }

    /// A save, and the list that it recorded.
    pub(super) fn add(&mut self, id: ManifestId, manifest: Manifest, list: Option<PackageList>) {
        let Some(list) = list else {
            self.without_list += 1;
            return;
        };
        let those = list.packages().iter().filter(|listed| listed.purl.is(&self.package));
        let packages: Vec<Listed> = those.cloned().collect();
        if !packages.is_empty() {
            self.holders.push(Holder::new(id, manifest, packages));
        }
    }

    /// A save whose list cannot be had.
    pub(super) fn miss(&mut self, miss: &Miss) {
        self.looked_through -= 1;
        if matches!(miss, Miss::Node(MissReason::Yanked)) {
            self.taken_back += 1;
            return;
        }
        self.not_looked_at += 1;
        self.why.get_or_insert_with(|| miss.to_string());
    }

    /// Of each version the earliest save is the first.
    pub(super) fn find_first(&mut self) {
        self.holders.sort_by_key(|holder| holder.created);
        let mut seen: BTreeSet<Purl> = BTreeSet::new();
        for holder in &mut self.holders {
            let new = holder.packages.iter().map(|package| &package.purl);
            holder.first_of = new.filter(|purl| seen.insert((*purl).clone())).cloned().collect();
            holder.first = !holder.first_of.is_empty();
        }
    }

    pub(super) fn print(&self, json: bool) -> Done {
        let failure = self.failure();
        if json {
            output::print_json(&Told { report: self, failure: failure.as_ref().map(Failure::report) })?;
        } else {
            output::print(&self.words())?;
        }
        failure.map_or(Ok(()), |failure| Err(failure.told()))
    }

    /// What keeps this from being all.
    fn failure(&self) -> Option<Failure> {
        let why = self.why.as_ref()?;
        let message = format!("{} could not be looked at: {why}", count(self.not_looked_at, "save"));
        Some(Failure::new(Kind::Unreachable, message).hint(NOT_ALL))
    }

    fn words(&self) -> String {
        let (holders, looked) = (self.holders.len(), count(self.looked_through, "save"));
        let counts = [
            (self.without_list, "recorded no list"),
            (self.taken_back, "taken back, which nobody can look at"),
            (self.not_looked_at, "more could not be looked at"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: String = counts.map(|(count, what)| format!("; {count} {what}")).collect();
        let mut lines = vec![format!("{}: in {holders} of {looked}{counts}", self.package)];
        if !self.from_seed {
            lines.push("no seed answered: this is only what the node itself knows".to_owned());
        }
        lines.extend(self.holders.iter().flat_map(Holder::lines));
        lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n")
    }
}

impl Holder {
    fn new(manifest_id: ManifestId, manifest: Manifest, packages: Vec<Listed>) -> Self {
        let Provenance { ci, project, r#ref, change, pipeline, job, build, commit, .. } = manifest.provenance;
        Self {
            key: manifest.key,
            manifest_id,
            sequence: manifest.sequence,
            created: manifest.created,
            ci,
            project,
            r#ref,
            change,
            pipeline,
            job,
            build,
            commit,
            packages,
            first: false,
            first_of: BTreeSet::new(),
        }
    }

    /// One for the save, and one for each package that it holds.
    fn lines(&self) -> Vec<String> {
        let from = [
            ("ci", &self.ci),
            ("project", &self.project),
            ("ref", &self.r#ref),
            ("change", &self.change),
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
        let taken_back = [ManifestId::from_bytes([9; 32])].into();
        let found = ["p/early", "p/later", "p/last", "p/other", "p/none", "p/slow", "p/gone"];
        let found =
            found.map(|key| (ManifestId::from_bytes([8; 32]), manifest(key, 1, Provenance::default())));
        let saves = Saves { found: found.into(), taken_back, not_asked: 0, from_seed: true };
        let mut report = Report::new("pkg:npm/left-pad".parse().unwrap(), &saves);
        let known = Provenance {
            ci: "ci.example.org".to_owned(),
            project: "core".to_owned(),
            r#ref: "refs/heads/main".to_owned(),
            change: "12".to_owned(),
            pipeline: "gate".to_owned(),
            job: "unit".to_owned(),
            build: "4f2a".to_owned(),
            commit: "0123abcd".to_owned(),
            ..Provenance::default()
        };
        let id = |byte| ManifestId::from_bytes([byte; 32]);
        let list = |packages: &[(&str, &str)]| {
            Some(PackageList::new(packages.iter().map(|(version, file)| listed(version, file))))
        };
        let nobody = || Provenance::default();
        let both = [("1.2.0", "a"), ("1.3.0", "a"), ("1.3.0", "b")];
        report.add(id(2), manifest("p/later", 2000, known), list(&both));
        report.add(id(1), manifest("p/early", 1000, nobody()), list(&[("1.2.0", "a")]));
        report.add(id(3), manifest("p/other", 500, nobody()), list(&[]));
        report.add(id(4), manifest("p/last", 3000, nobody()), list(&[("1.3.0", "a")]));
        report.add(id(5), manifest("p/none", 500, nobody()), None);
        report.find_first();
        report
    }

    #[test]
    fn the_first_of_each_version_is_told_with_what_saved_it() {
        insta::assert_snapshot!(report().words());
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
        let from = ["ci", "project", "ref", "change", "pipeline", "job", "build", "commit"];
        let from = from.map(|name| &json["holders"][1][name]);
        let expected =
            ["ci.example.org", "core", "refs/heads/main", "12", "gate", "unit", "4f2a", "0123abcd"];
        assert_eq!(from, expected);
    }

    #[test]
    fn what_could_not_be_looked_at_is_counted_apart_and_is_a_failure() {
        let all = report();
        assert!(all.failure().is_none(), "what was taken back nobody can look at");
        let mut some = report();
        some.miss(&Miss::Node(MissReason::Yanked));
        some.miss(&Miss::TooSlow);
        let said = some.words();
        assert!(
            said.starts_with("pkg:npm/left-pad: in 3 of 5 saves; 1 recorded no list; 2 taken back"),
            "{said}"
        );
        assert!(said.contains("; 1 more could not be looked at\n"), "{said}");
        let failure = some.failure().unwrap();
        assert_eq!((failure.kind, failure.kind.status()), (Kind::Unreachable, 4));
        let told = Told { report: &some, failure: Some(failure.report()) };
        let json: serde_json::Value = serde_json::from_str(&output::json(&told).unwrap()).unwrap();
        assert_eq!((&json["looked_through"], &json["not_looked_at"]), (&5.into(), &1.into()), "{json}");
        assert_eq!((&json["taken_back"], &json["error"]["kind"]), (&2.into(), &"unreachable".into()));
    }
}
