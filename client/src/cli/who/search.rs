//! The saves that seeds keep, and their lists of packages, within one deadline for all of it.

use crate::cli::common::Common;
use crate::cli::exit::Failure;
use pollux_client::connection::{Connection, ConnectionError};
use pollux_client::flow::{Deadlines, Listed, Miss, contents_of, listed, open_manifest};
use pollux_core::message::ListQuery;
use pollux_core::{Manifest, ManifestId, Pattern};
use pollux_packages::list::PackageList;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Pages of saves that are looked through at most.
const PAGES_MAX: usize = 1024;
/// Ancestors that are asked for at most: seeds keep the newest few of each lineage.
const ANCESTORS_ASKED_MAX: usize = 4096;

/// What there is to look through: the newest of each key, and what those were made from.
#[derive(Debug, Default)]
pub(super) struct Saves {
    pub(super) found: Vec<(ManifestId, Manifest)>,
    /// Nobody gives what they hold.
    pub(super) taken_back: BTreeSet<ManifestId>,
    /// What others were made from, and nobody was asked about in time.
    pub(super) not_asked: usize,
    pub(super) from_seed: bool,
}

/// Questions to the node.
pub(super) struct Search<'a> {
    common: &'a Common,
    deadlines: Deadlines,
    end: Instant,
    /// None before the first question, and where more is on its way than was waited for: it would be taken for answers to
    /// what is asked next.
    connection: Option<Connection>,
}

impl<'a> Search<'a> {
    pub(super) fn begin(common: &'a Common, deadlines: Deadlines) -> Self {
        Self { common, deadlines, end: Instant::now() + deadlines.total, connection: None }
    }

    fn connect(&self) -> Result<Connection, Failure> {
        self.common.connect(self.answer())
    }

    fn answer(&self) -> Duration {
        let left = self.left();
        left.answer.min(left.total)
    }

    /// What may still be waited for.
    fn left(&self) -> Deadlines {
        Deadlines { total: self.end.saturating_duration_since(Instant::now()), ..self.deadlines }
    }

    fn is_over(&self) -> bool {
        self.left().total.is_zero()
    }

    /// The saves that seeds keep.
    pub(super) fn saves(&mut self, pattern: Option<&Pattern>) -> Result<Saves, Failure> {
        let connection = self.connect()?;
        let (mut saves, mut after) = (Saves { from_seed: true, ..Saves::default() }, None);
        for _ in 0..PAGES_MAX {
            let page = self.list(&connection, ListQuery::Pattern { pattern: pattern.cloned(), after })?;
            saves.from_seed &= page.from_seed;
            saves.add(&page);
            let all = page.rows.iter().chain(&page.taken).filter_map(open_manifest);
            after = all.map(|(_, manifest)| manifest.key).max();
            if !page.more || after.is_none() {
                break;
            }
        }
        let ancestors: BTreeSet<ManifestId> =
            saves.found.iter().flat_map(|(_, manifest)| manifest.ancestors.iter().copied()).collect();
        let known = saves.found.iter().map(|(id, _)| *id).collect();
        for id in ancestors.difference(&known).take(ANCESTORS_ASKED_MAX) {
            if self.is_over() {
                saves.not_asked += 1;
                continue;
            }
            saves.add(&self.list(&connection, ListQuery::Manifest(*id))?);
        }
        self.connection = Some(connection);
        Ok(saves)
    }

    fn list(&self, connection: &Connection, what: ListQuery) -> Result<Listed, ConnectionError> {
        listed(connection, what, Instant::now() + self.answer())
    }

    /// The list of packages that a save recorded, if it did.
    pub(super) fn packages(
        &mut self,
        id: ManifestId,
        manifest: &Manifest,
    ) -> Result<Option<PackageList>, Miss> {
        if manifest.packages.is_none() {
            return Ok(None);
        }
        if self.is_over() {
            return Err(Miss::TooSlow);
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().map_err(|failure| Miss::Broken(failure.message))?,
        };
        let contents = contents_of(&connection, id, manifest, self.left())?;
        self.connection = Some(connection);
        Ok(contents.packages)
    }
}

impl Saves {
    fn add(&mut self, page: &Listed) {
        self.found.extend(page.rows.iter().filter_map(open_manifest));
        self.taken_back.extend(page.taken.iter().map(|certified| certified.manifest.id()));
    }
}
