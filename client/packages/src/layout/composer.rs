//! Composer's cache (`~/.cache/composer`, or `~/.composer/cache`).
//!
//! ```text
//! files/VENDOR/NAME/SHA1.EXT           an archive; SHA1 is of the address that it came from
//! files/VENDOR/NAME/REFERENCE.EXT, VERSION-REFERENCE.EXT   the same in the first versions of Composer 1
//! repo/REPOSITORY/provider-VENDOR~NAME[~dev].json   versions of a package, minified (Composer 2)
//! repo/REPOSITORY/provider-VENDOR$NAME.json         the same, not minified (Composer 1)
//! repo/REPOSITORY/packages.json, …     the repository itself
//! vcs/ADDRESS/…                        a mirror of a repository of git, of which only what git obeys is read
//! …NAME.HEX.tmp                        a file that was not written to the end
//! ```
//!
//! The metadata tell which version an archive is, by its address, and its SHA-1 (`dist.shasum`), which is mostly empty.
//! Metadata that cannot be read are an orphan. There are no symlinks. Mercurial obeys what its repositories below `vcs` say, which
//! nobody reads here: what is there and is no mirror of git's is an orphan. An archive without metadata is whole: its address may
//! stand in a lock file alone. Source: Composer's `FileDownloader`
//! (`getCacheKey`), `Cache`, `ComposerRepository` and `MetadataMinifier`.

mod metadata;

use super::git;
use crate::digest::{Algorithm, Digest};
use crate::files::Files;
use crate::lock::composer::{address, purl};
use crate::reading::{Answer, Check, Expected, Held, Mend, Orphan, Reading};
use metadata::Version;
use std::collections::{BTreeMap, BTreeSet};

/// What a cache has at its top.
const KNOWN: [&str; 4] = ["files", "repo", "vcs", ".htaccess"];

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let mut archives: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut strange = Vec::new();
    for (path, _) in files.under("files").filter(|(path, _)| !path.ends_with(".tmp")) {
        match path.split('/').collect::<Vec<_>>()[..] {
            [_, vendor, name, _] => archives.entry((vendor, name)).or_default().push(path),
            _ => strange.push(path),
        }
    }
    let metadata = Metadata::of(files);
    reading.layouts = metadata.layouts(!archives.is_empty());
    tell_mirrors(files, &mut reading);
    ["files", "repo", "vcs"].iter().for_each(|directory| reading.forbid_links(files, directory));
    if reading.layouts.is_empty() {
        return reading;
    }
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    for ((vendor, name), paths) in archives {
        kept.extend(metadata.of_package(vendor, name));
        let versions = metadata.versions(files, vendor, name, &mut reading);
        let held = paths.into_iter().map(|path| held(vendor, name, path, &versions));
        reading.packages.extend(held);
    }
    // Without an archive there is nothing that they tell of.
    let answers = files.under("repo").map(|(path, _)| path).filter(|path| !kept.contains(path));
    reading.answers.extend(answers.filter(|path| path.ends_with(".json")).map(Answer::of_file));
    tell_orphans(files, &mut reading);
    tell_rest(files, &strange, &mut reading);
    reading
}

fn tell_orphans(files: &Files, reading: &mut Reading) {
    let all = files.under("files").chain(files.under("repo"));
    for (path, _) in all.filter(|(path, _)| path.ends_with(".tmp")) {
        drop_one(path, "it was not written to the end".to_owned(), reading);
    }
}

fn drop_one(path: &str, why: String, reading: &mut Reading) {
    let mend = Mend::Remove(vec![path.to_owned()]);
    reading.orphans.push(Orphan { path: path.to_owned(), why, mend });
}

/// Composer runs git in its mirrors, and Mercurial in others.
fn tell_mirrors(files: &Files, reading: &mut Reading) {
    let names = files.under("vcs").filter_map(|(path, _)| path.split('/').nth(1));
    for mirror in names.collect::<BTreeSet<&str>>() {
        let path = format!("vcs/{mirror}");
        if files.has(&format!("{path}/HEAD")) && !files.has_directory(&format!("{path}/.hg")) {
            reading.checks.extend(git::checks(files, &path));
            continue;
        }
        let why = "no mirror of a repository of git".to_owned();
        let gone = if files.has(&path) {
            Mend::Remove(vec![path.clone()])
        } else {
            Mend::remove_below(files, &path)
        };
        reading.orphans.push(Orphan { path, why, mend: gone });
    }
}

fn tell_rest(files: &Files, strange: &[&str], reading: &mut Reading) {
    if let Some(path) = strange.first() {
        reading.note(path, format!("{} files are not `VENDOR/NAME/ARCHIVE`", strange.len()));
    }
    if files.has_directory("vcs") {
        reading.note("vcs", "mirrors of repositories: what they have of packages is not read");
    }
    let tops: BTreeSet<&str> = files.iter().filter_map(|(path, _)| path.split('/').next()).collect();
    for top in tops.into_iter().filter(|top| !KNOWN.contains(top)) {
        reading.note(top, "not known, and not read");
    }
}

/// Where the metadata of each package is.
struct Metadata<'a> {
    providers: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Metadata<'a> {
    fn of(files: &'a Files) -> Self {
        let mut providers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (path, _) in files.under("repo") {
            let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
            let package = name.strip_prefix("provider-").and_then(|rest| rest.strip_suffix(".json"));
            if let Some(package) = package {
                providers.entry(package).or_default().push(path);
            }
        }
        Self { providers }
    }

    fn layouts(&self, has_archives: bool) -> Vec<String> {
        let has = |mark| self.providers.keys().any(|name| name.contains(mark));
        let mut layouts = Vec::new();
        if has('~') {
            layouts.push("composer 2".to_owned());
        }
        if has('$') {
            layouts.push("composer 1".to_owned());
        }
        if layouts.is_empty() && has_archives {
            layouts.push("composer files".to_owned());
        }
        layouts
    }

    fn of_package(&self, vendor: &str, name: &str) -> impl Iterator<Item = &'a str> {
        let names = [format!("{vendor}~{name}"), format!("{vendor}~{name}~dev"), format!("{vendor}${name}")];
        names.into_iter().filter_map(|name| self.providers.get(name.as_str())).flatten().copied()
    }

    /// What is known of a package, by the name that an archive from there has.
    fn versions(
        &self,
        files: &Files,
        vendor: &str,
        name: &str,
        reading: &mut Reading,
    ) -> BTreeMap<String, Vec<Version<'a>>> {
        let mut versions: BTreeMap<String, Vec<Version<'_>>> = BTreeMap::new();
        for path in self.of_package(vendor, name) {
            let text = files.read(path).map_err(|error| error.to_string());
            let found = text.and_then(|text| {
                metadata::versions(&text, &format!("{vendor}/{name}"), path)
                    .map_err(|error| error.to_string())
            });
            // Composer may read what we cannot, and the lock file would not be asked of what it tells.
            for version in found.unwrap_or_else(|why| {
                drop_one(path, why, reading);
                Vec::new()
            }) {
                match versions.get_mut(&version.dist.key) {
                    Some(known) => known.push(version),
                    None => drop(versions.insert(version.dist.key.clone(), vec![version])),
                }
            }
        }
        versions
    }
}

fn held(vendor: &str, name: &str, path: &str, versions: &BTreeMap<String, Vec<Version<'_>>>) -> Held {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let key = file.get(..40).filter(|key| Digest::from_hex(Algorithm::Sha1, key).is_some());
    let mut known = key.and_then(|key| versions.get(key)).into_iter().flatten().peekable();
    let (version, source) = match known.peek() {
        Some(first) => (first.version.clone(), Some(address(&first.dist.url))),
        None => (old_version(file).unwrap_or_default().to_owned(), None),
    };
    // Metadata of several repositories mostly say the same.
    let declared: BTreeMap<Digest, &str> = known
        .filter_map(|version| Some((Digest::from_hex(Algorithm::Sha1, &version.dist.shasum)?, version.by)))
        .collect();
    let check = |(digest, by): (Digest, &str)| Check {
        path: path.to_owned(),
        expected: Expected::Whole(digest),
        by: by.to_owned(),
    };
    let checks = declared.into_iter().map(check).collect();
    Held { source, checks, ..Held::whole(purl(&format!("{vendor}/{name}"), &version), path) }
}

/// The version in `VERSION-REFERENCE.EXT`, as the first versions of Composer wrote it: normalised, with four numbers.
fn old_version(file: &str) -> Option<&str> {
    let (stem, _) = file.rsplit_once('.')?;
    let (version, _) = stem.rsplit_once('-')?;
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

#[cfg(test)]
mod tests;
