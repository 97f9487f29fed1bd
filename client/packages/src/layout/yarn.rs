//! The caches of Yarn: classic (version 1, see [`classic`]) keeps unpacked packages, later ones ([`berry`]) zip archives.

mod berry;
mod classic;

pub(crate) use berry::is_archive_of;

use crate::files::Files;
use crate::reading::Reading;

/// Reads them: both may lie in one directory.
pub(crate) fn read(files: &Files) -> Reading {
    let mut reading = Reading::default();
    classic::read(files, &mut reading);
    berry::read(files, &mut reading);
    reading
}

#[cfg(test)]
mod tests;
