//! Symlinks of the cache: where uv makes them, and where they may lead.
//!
//! ```text
//! environments-v*/ID               leads to an archive that is an environment
//! sdists-v*/…, wheels-v*/…/WHEEL   lead to an archive that is a wheel, in the same cache
//! sdists-v*/…/src/…                what a source archive has: within `src`
//! archive-v*/ENVIRONMENT/…         programs of an environment
//! ```
//!
//! uv writes where they lead whole, so in a cache that was moved they lead nowhere: uv builds anew, and they go.

use super::{PARTS, Part, name_and_version};
use crate::files::Files;
use crate::reading::{Mend, Orphan, Reading};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Parts with links to archives.
const POINTING: [&str; 3] = ["wheels", "built-wheels", "sdists"];

/// Archives that are environments, as `PART/ID`: only a link in `environments-v*` leads there.
pub(super) fn environments(files: &Files, parts: &[Part]) -> BTreeSet<String> {
    let led_to = |names: &[&str]| -> BTreeSet<String> {
        let parts = parts.iter().filter(|part| names.contains(&part.name));
        let links = parts.flat_map(|part| files.links_under(&part.directory));
        links.filter_map(|link| archive(files, link)).collect()
    };
    let wheels = led_to(&POINTING);
    led_to(&["environments"]).into_iter().filter(|archive| !wheels.contains(archive)).collect()
}

/// Says which links are wrong.
pub(super) fn judge(files: &Files, parts: &[Part], environments: &BTreeSet<String>, reading: &mut Reading) {
    // A part that is a link itself is none that was found.
    let tops = files.links().filter(|link| !link.contains('/'));
    let is_part = |link: &&str| {
        name_and_version(link).is_some_and(|(name, _)| PARTS.iter().any(|(part, _)| *part == name))
    };
    tops.filter(is_part).for_each(|link| reading.forbid_links(files, link));
    for part in parts {
        let directory = part.directory.as_str();
        match part.name {
            "archive" => reading.forbid_links_but(files, directory, |link| {
                environment_of(link).is_some_and(|id| environments.contains(id))
            }),
            "simple" => reading.forbid_links(files, directory),
            name if POINTING.contains(&name) => {
                drop_moved(files, directory, reading);
                reading.forbid_links_but(files, directory, |link| {
                    archive(files, link).is_some() || is_in_source(files, link)
                });
            }
            _ => {}
        }
    }
}

/// `archive-v0/ID` of what lies in it.
fn environment_of(path: &str) -> Option<&str> {
    let (end, _) = path.match_indices('/').nth(1)?;
    path.get(..end)
}

/// The archive of this cache that a link leads to. Nothing is followed.
fn archive(files: &Files, link: &str) -> Option<String> {
    let target = target(files, link)?;
    let (part, id) = target.split_once('/')?;
    (part.starts_with("archive-v") && !id.contains('/') && !files.is_behind_link(&target)).then_some(target)
}

/// Where a link leads, below the base.
fn target(files: &Files, link: &str) -> Option<String> {
    let target = fs::read_link(files.base().join(link)).ok()?;
    if target.is_absolute() {
        let real = fs::canonicalize(files.base()).ok();
        let below = target.strip_prefix(files.base()).ok();
        let below = below.or_else(|| target.strip_prefix(real.as_ref()?).ok())?;
        return plain(below);
    }
    plain(&Path::new(link).parent()?.join(target))
}

/// A path without `..`, if it stays below.
fn plain(path: &Path) -> Option<String> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    plain.to_str().map(str::to_owned)
}

/// Whether a link lies and leads below one `src`: source archives have such links, and uv unpacks them.
fn is_in_source(files: &Files, link: &str) -> bool {
    let Some((above, _)) = link.split_once("/src/") else { return false };
    let is_relative = fs::read_link(files.base().join(link)).is_ok_and(|target| target.is_relative());
    is_relative && target(files, link).is_some_and(|target| target.starts_with(&format!("{above}/src/")))
}

/// Links to archives of another cache, where nothing is.
fn drop_moved(files: &Files, part: &str, reading: &mut Reading) {
    for link in files.links_under(part).filter(|link| target(files, link).is_none()) {
        let Ok(target) = fs::read_link(files.base().join(link)) else { continue };
        let above = target.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let is_archive = target.is_absolute() && above.is_some_and(|name| name.starts_with("archive-v"));
        if is_archive && fs::symlink_metadata(&target).is_err() {
            let mend = Mend::Remove(vec![link.to_owned()]);
            let why = "it leads to an archive of another place".to_owned();
            reading.orphans.push(Orphan { path: link.to_owned(), why, mend });
        }
    }
}
