//! `pollux who`
//!
//! ```text
//! search  the saves, and their lists of packages, within the time
//! report  what was found, in words and as JSON
//! ```

mod report;
mod search;

use super::common::{Common, Patience, disabled};
use super::{Done, output};
use clap::Args;
use pollux_core::Pattern;
use pollux_packages::purl::{Purl, PurlError};
use report::Report;
use search::Search;

/// Tell which saves hold a package, which of them brought it first, and from which pipeline
///
/// Looks through the lists of packages that saves recorded (`pollux run`, `pollux save --audit`), of all saves that seeds
/// keep: the newest of each key and those that it was made from. Of each version the earliest of these is marked as the first. What seeds keep no more is in `pollux log`.
/// Saves that were taken back are counted; nobody gives their lists. Where some could not be looked at, within the time or for
/// another reason, what was found is told, and the status is 4.
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
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    pub(super) common: Common,
}

fn purl(text: &str) -> Result<Purl, PurlError> {
    text.parse()
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let mut search = Search::begin(&arguments.common, arguments.patience.deadlines());
    let saves = search.saves(arguments.pattern.as_ref())?;
    let mut report = Report::new(arguments.package.clone(), &saves);
    for (id, manifest) in saves.found {
        match search.packages(id, &manifest) {
            Ok(packages) => report.add(id, manifest, packages),
            Err(miss) => report.miss(&miss),
        }
    }
    report.find_first();
    report.print(arguments.common.json)
}
