//! RubyGems' and Bundler's directory of gems: a `GEM_HOME`, or a bundle's path, which has one in `ENGINE/API/`.
//!
//! ```text
//! [ruby/3.1.0/]cache/NAME-VERSION[-PLATFORM].gem            the gem as the registry gave it; often removed
//! [ruby/3.1.0/]specifications/NAME-VERSION[-PLATFORM].gemspec   what is installed
//! [ruby/3.1.0/]specifications/default/…                     what comes with Ruby, whose files are elsewhere
//! [ruby/3.1.0/]gems/NAME-VERSION[-PLATFORM]/…               its files, unpacked
//! [ruby/3.1.0/]extensions/PLATFORM/API/NAME-VERSION/…       what was compiled of it
//! [ruby/3.1.0/]build_info/NAME-VERSION.info, doc/NAME-VERSION/…
//! [ruby/3.1.0/]bin/NAME, plugins/NAME_plugin.rb             programs of gems, plugins of RubyGems
//! [ruby/3.1.0/]bundler/gems/NAME-COMMIT/…, cache/bundler/git/NAME-HASH/…   gems from repositories, and mirrors of those; noted,
//!                                                           and of mirrors only what git obeys is read
//! ```
//!
//! A gem is a tar archive. Since RubyGems 2.0 it has digests of its parts (`checksums.yaml.gz`), which are checked, and so are
//! its unpacked files, but for what is compiled. A symlink is only where a gem has it.
//! What is installed and has no archive is an orphan. A specification is Ruby that runs, and the gem has YAML: the two cannot
//! be compared, which a note says, and so the preset saves archives alone. Which gem an archive is tell the metadata in it (see
//! [`metadata`]), as they do to Bundler: its file's name must be that, and so must be what a specification begins with since 2.2,
//! `# stub: NAME VERSION PLATFORM …`. Source:
//! RubyGems' `Gem::Package`, `Gem::StubSpecification` and `Gem::BasicSpecification`, Bundler's `Source::Rubygems`.

mod gem;
mod metadata;

use super::git;
use crate::files::Files;
use crate::lock::gemfile::purl;
use crate::purl::Purl;
use crate::reading::{Check, Expected, Held, Mend, Orphan, Reading};
use crate::words::plain;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;

/// Directories of a home of gems, by which it is known.
const TELLING: [&str; 3] = ["cache", "gems", "specifications"];
/// What else is there.
const BESIDE: [&str; 7] = ["bin", "build_info", "bundler", "doc", "environment", "extensions", "plugins"];
/// Bytes of a specification that are looked at for its stub.
const STUB_BYTES: u64 = 4096;

/// Reads it.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let mut homes: BTreeMap<&str, Home<'_>> = BTreeMap::new();
    for (path, _) in files.iter() {
        if let Some((home, below)) = split(path) {
            homes.entry(home).or_default().add(below, path);
        }
    }
    // Bundler installs also from the archives at the top, and leaves them there.
    let top: BTreeMap<&str, &str> = homes.get("").map(Home::archives).unwrap_or_default();
    for (name, home) in homes.iter_mut().filter(|(_, home)| !home.gems.is_empty()) {
        home.finish();
        let layout = if name.is_empty() { "rubygems home".to_owned() } else { format!("bundle {name}") };
        reading.layouts.push(layout);
        home.tell(files, name, &top, &mut reading);
    }
    for (name, home) in &homes {
        let mirrors = home.mirrors.iter().map(|mirror| format!("{}cache/bundler/git/{mirror}", above(name)));
        reading.checks.extend(mirrors.flat_map(|mirror| git::checks(files, &mirror)));
    }
    forbid_links(files, &homes, &mut reading);
    reading
}

/// Symlinks that a gem has are judged with its other files. Homes are at the top, or two directories below it.
fn forbid_links(files: &Files, homes: &BTreeMap<&str, Home<'_>>, reading: &mut Reading) {
    let own: BTreeSet<&str> = homes.values().flat_map(|home| &home.links).map(String::as_str).collect();
    let tops: Vec<&str> = files.links().filter(|link| link.matches('/').count() < 2).collect();
    let with_links = files.links().filter_map(split).map(|(home, _)| home);
    let names: BTreeSet<&str> = homes.keys().copied().chain(with_links).collect();
    let parts = names.iter().flat_map(|home| TELLING.map(|part| format!("{}{part}", above(home))));
    let under: BTreeSet<String> = parts.chain(tops.into_iter().map(str::to_owned)).collect();
    for under in under {
        reading.forbid_links_but(files, &under, |link| own.contains(link));
    }
}

/// What stands before the paths of a home.
fn above(home: &str) -> String {
    if home.is_empty() { String::new() } else { format!("{home}/") }
}

/// The home that a path is in, and what is below that.
fn split(path: &str) -> Option<(&str, &str)> {
    let is_part = |part: &str| TELLING.contains(&part) || BESIDE.contains(&part);
    let (first, rest) = path.split_once('/')?;
    if is_part(first) {
        return Some(("", path));
    }
    let (api, below) = rest.split_once('/')?;
    let is_version = api.starts_with(|letter: char| letter.is_ascii_digit());
    is_part(below.split('/').next()?).then_some(())?;
    is_version.then(|| path.split_at_checked(first.len() + 1 + api.len()))?.map(|(home, _)| (home, below))
}

/// A home of gems.
#[derive(Default)]
struct Home<'a> {
    /// By full names.
    gems: BTreeMap<&'a str, Gem<'a>>,
    /// The gems that come with Ruby.
    defaults: BTreeSet<&'a str>,
    /// What was made of gems.
    beside: Vec<(&'a str, &'a str)>,
    /// Files of gems from repositories.
    from_repositories: usize,
    /// Names of mirrors of repositories.
    mirrors: BTreeSet<&'a str>,
    strange: Option<&'a str>,
    /// Files that run, and that no archive has.
    unjudged: usize,
    /// Symlinks that are as gems have them.
    links: Vec<String>,
}

#[derive(Default)]
struct Gem<'a> {
    archive: Option<&'a str>,
    specification: Option<&'a str>,
    has_tree: bool,
    files: Vec<&'a str>,
}

/// What a file of a gem is.
enum Part {
    Archive,
    Specification,
    Tree,
    /// Made of it: listed before it is known whether there is such a gem.
    Beside,
}

impl<'a> Home<'a> {
    fn add(&mut self, below: &'a str, path: &'a str) {
        let mut parts = below.split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next()].map(Option::unwrap_or_default);
        let runs = matches!(parts.first(), Some(&("specifications" | "bin" | "plugins" | "extensions")));
        self.unjudged += usize::from(runs && !below.starts_with("specifications/default/"));
        let (name, part) = match parts {
            ["cache", "bundler", kind, name] => {
                self.mirrors.extend((kind == "git" && !name.is_empty()).then_some(name));
                self.from_repositories += 1;
                return;
            }
            ["bundler", "gems", ..] => {
                self.from_repositories += 1;
                return;
            }
            ["specifications", "default", file, ""] => {
                return self.defaults.extend(file.strip_suffix(".gemspec"));
            }
            ["cache", file, "", ""] => (file.strip_suffix(".gem"), Part::Archive),
            ["specifications", file, "", ""] => (file.strip_suffix(".gemspec"), Part::Specification),
            ["gems", name, file, _] if !file.is_empty() => (Some(name), Part::Tree),
            ["extensions", _, _, name] => (Some(name), Part::Beside),
            ["build_info", file, "", ""] => (file.strip_suffix(".info"), Part::Beside),
            ["doc", name, ..] => (Some(name), Part::Beside),
            [first, ..] => {
                if TELLING.contains(&first) {
                    self.strange.get_or_insert(path);
                }
                return;
            }
        };
        let Some(name) = name else { return };
        if matches!(part, Part::Beside) {
            return self.beside.push((name, path));
        }
        let gem = self.gems.entry(name).or_default();
        gem.files.push(path);
        match part {
            Part::Archive => gem.archive = Some(path),
            Part::Specification => gem.specification = Some(path),
            Part::Tree => gem.has_tree = true,
            Part::Beside => {}
        }
    }

    /// Gives each gem what was made of it.
    fn finish(&mut self) {
        for (name, path) in self.beside.drain(..) {
            if let Some(gem) = self.gems.get_mut(name) {
                gem.files.push(path);
            }
        }
    }

    /// Archives by the names of gems.
    fn archives(&self) -> BTreeMap<&'a str, &'a str> {
        self.gems.iter().filter_map(|(name, gem)| Some((*name, gem.archive?))).collect()
    }

    fn tell(&mut self, files: &Files, home: &str, top: &BTreeMap<&str, &str>, reading: &mut Reading) {
        let above = above(home);
        for (name, gem) in &self.gems {
            let tree = format!("{above}gems/{name}");
            let archive = gem.archive.or_else(|| top.get(name).copied());
            let cache = format!("{above}cache/{name}.gem");
            match archive {
                _ if self.defaults.contains(name) || files.is_behind_link(&cache) => {}
                Some(_) => gem.tell_orphan(files, &tree, reading),
                None => gem.tell_alone(files, &tree, reading),
            }
            let (mut checks, mut purl) = (Vec::new(), gem.purl(files, name));
            if let Some(archive) = archive {
                let links;
                (checks, links) = gem.checks(files, archive, &tree, reading);
                self.links.extend(links);
                match gem.identity(files, archive, name, &mut checks) {
                    Ok(told) => purl = told,
                    Err(why) => reading.orphans.extend(checks.is_empty().then(|| gem.orphan(archive, &why))),
                }
            }
            let held = Held {
                purl,
                source: None,
                artifact: gem.archive.map(str::to_owned),
                files: gem.files.iter().map(|path| (*path).to_owned()).collect(),
                stated: Vec::new(),
                hashed: Vec::new(),
                checks,
            };
            reading.packages.push(held);
        }
        if self.from_repositories > 0 {
            reading.note(
                home,
                format!("{} files of gems from repositories, which are not read", self.from_repositories),
            );
        }
        if self.unjudged > 0 {
            let what = format!(
                "what runs and is compared with nothing (specifications, programs, plugins, what was compiled): {}",
                self.unjudged
            );
            reading.note(home, what);
        }
        if let Some(path) = self.strange {
            reading.note(path, "not known, and not read");
        }
    }
}

impl Gem<'_> {
    /// What is installed without its archive can be compared with nothing, and is installed again.
    fn tell_alone(&self, files: &Files, tree: &str, reading: &mut Reading) {
        let links = files.links_under(tree);
        let gone = self.files.iter().copied().chain(links).map(str::to_owned).collect();
        let path = self.specification.unwrap_or(tree).to_owned();
        let why = "it is installed, and its archive is not there".to_owned();
        reading.orphans.push(Orphan { path, why, mend: Mend::Remove(gone) });
    }

    fn tell_orphan(&self, files: &Files, tree: &str, reading: &mut Reading) {
        let is_tree = |path: &&&str| Some(**path) != self.archive && Some(**path) != self.specification;
        let mut orphan = |path: &str, why: &str, gone: Vec<String>| {
            reading.orphans.push(Orphan {
                path: path.to_owned(),
                why: why.to_owned(),
                mend: Mend::Remove(gone),
            });
        };
        match self.specification {
            None if self.has_tree => {
                let gone = self.files.iter().filter(is_tree).map(|path| (*path).to_owned()).collect();
                orphan(tree, "its files are there, and no specification: it is not installed", gone);
            }
            // A gem may have no file at all: then its directory is empty, and no list of files has it.
            Some(path) if !self.has_tree && !is_directory(files, tree) && !files.is_behind_link(tree) => {
                orphan(path, "a specification whose files are not there", vec![path.to_owned()]);
            }
            _ => {}
        }
    }

    /// What is wrong with a gem, and with its files as they are unpacked: those are what runs. And symlinks that are right.
    fn checks(
        &self,
        files: &Files,
        archive: &str,
        tree: &str,
        reading: &mut Reading,
    ) -> (Vec<Check>, Vec<String>) {
        let check = |path: &str, why: String, by: &str| Check {
            path: path.to_owned(),
            expected: Expected::Wrong(why),
            by: by.to_owned(),
        };
        let faults = gem::faults(files, archive).into_iter();
        let mut checks: Vec<Check> =
            faults.map(|why| check(archive, why, "checksums.yaml.gz in it")).collect();
        if !self.has_tree || !checks.is_empty() {
            return (checks, Vec::new()); // what is wrong itself says nothing of others
        }
        reading.trees.push(tree.to_owned());
        let compared = gem::compare(files, archive, tree).unwrap_or_else(|why| {
            let why = format!("its files cannot be compared with the gem: {why}");
            let mend = Mend::remove_below(files, tree);
            reading.orphans.push(Orphan { path: tree.to_owned(), why, mend });
            gem::Compared::default()
        });
        let wrong = |path: &String| check(path, "it is not what the gem has by its name".to_owned(), archive);
        checks.extend(compared.changed.iter().map(wrong));
        (checks, compared.links)
    }

    /// All of it goes.
    fn orphan(&self, path: &str, why: &str) -> Orphan {
        let gone = self.files.iter().map(|path| (*path).to_owned()).collect();
        Orphan { path: path.to_owned(), why: why.to_owned(), mend: Mend::Remove(gone) }
    }

    /// What its archive says that it is, with which names of files and stubs must agree.
    fn identity(
        &self,
        files: &Files,
        archive: &str,
        full: &str,
        checks: &mut Vec<Check>,
    ) -> Result<Purl, String> {
        let told = gem::named(files, archive)?;
        let [name, version, platform] = &told;
        let stub = self.specification.and_then(|path| Some((path, stub(files, path)?)));
        let differs = stub.filter(|(_, [of, at, _])| (of, at) != (name, version)).map(|(path, _)| path);
        let misnamed = (!is_full(full, name, version, platform)).then_some(archive);
        checks.extend(differs.into_iter().chain(misnamed).map(|path| Check {
            path: path.to_owned(),
            expected: Expected::Wrong(plain(&format!("the gem is {name} {version} {platform}"))),
            by: format!("metadata.gz in {archive}"),
        }));
        Ok(purl(name, version, platform))
    }

    /// What names of files and a stub say that it is.
    fn purl(&self, files: &Files, full: &str) -> Purl {
        let stub = self.specification.and_then(|path| stub(files, path));
        if let Some([name, version, platform]) = stub.filter(|[name, at, on]| is_full(full, name, at, on)) {
            return purl(&name, &version, &platform);
        }
        let (name, version, platform) = split_name(full);
        purl(name, version, platform)
    }
}

/// Whether an empty directory is there: its name is one that was listed, and nothing is opened.
fn is_directory(files: &Files, path: &str) -> bool {
    fs::symlink_metadata(files.base().join(path)).is_ok_and(|found| found.is_dir())
}

/// Name, version and platform, as a specification tells them in one of its first lines.
fn stub(files: &Files, path: &str) -> Option<[String; 3]> {
    let mut bytes = Vec::new();
    files.reader(path).ok()?.take(STUB_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut words = text.lines().find_map(|line| line.strip_prefix("# stub: "))?.split(' ');
    Some([words.next()?.to_owned(), words.next()?.to_owned(), words.next()?.to_owned()])
}

fn is_full(full: &str, name: &str, version: &str, platform: &str) -> bool {
    let short = format!("{name}-{version}");
    full == short || full == format!("{short}-{platform}")
}

/// Name, version and platform of a full name: the version is the first part that may be one.
fn split_name(full: &str) -> (&str, &str, &str) {
    let is_version = |part: &str| {
        part.starts_with(|letter: char| letter.is_ascii_digit())
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.')
    };
    let dashes = full.match_indices('-').map(|(at, _)| at);
    for at in dashes {
        let rest = full.get(at + 1..).unwrap_or_default();
        let (version, platform) = rest.split_once('-').unwrap_or((rest, ""));
        if at > 0 && is_version(version) {
            return (full.get(..at).unwrap_or_default(), version, platform);
        }
    }
    (full, "", "")
}

#[cfg(test)]
mod tests;
