//! The caches of Yarn: classic (version 1, see [`classic`]) keeps unpacked packages, later ones ([`berry`]) zip archives.
//! Neither makes symlinks, but for those that a package has.

mod berry;
mod classic;

pub(crate) use berry::is_archive_of;

use crate::files::Files;
use crate::reading::Reading;

/// Reads them: both may lie in one directory.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    let judged = classic::read(files, &mut reading);
    reading.trees.extend(judged.iter().cloned());
    berry::read(files, &mut reading);
    reading.forbid_links_but(files, "", |link| {
        is_temporary(link) || judged.iter().any(|directory| is_below(link, directory))
    });
    reading
}

fn is_temporary(path: &str) -> bool {
    path.split('/').take(2).any(|part| part == ".tmp")
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|below| below.starts_with('/'))
}

#[cfg(test)]
mod tests;
