//! What a yank would take, and what is left: asked of the pool before anything is signed.
//!
//! The pool lists the newest save of every key, and any save by its id. What a yank takes of those is decided by core's
//! [`Trust`]; older saves are known where a newer one names them as ancestors, or where a seed's log tells of them: they
//! are asked for by id, and count only if they are had and hold. What nobody holds any more is not listed, and is taken
//! back all the same.

mod history;

pub use history::log_since;

use self::history::History;
use super::SeedLog;
use super::ask::{Listed, listed};
use crate::connection::{Connection, ConnectionError};
use pollux_core::limits::{YANK_MANIFESTS_MAX, YANKS_MAX};
use pollux_core::message::ListQuery;
use pollux_core::{
    CertifiedEnvelope, CertifiedManifest, Disbelief, Envelope, Key, ManifestId, Timestamp, Trust, Yank,
    Yanked,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Pages of a listing that are asked for at most.
const PAGES_MAX: usize = 1024;
/// Ancestors that are asked for at most, one by one.
const LOOKUPS_MAX: usize = 4096;
/// Yanks that one command signs at most: a sixteenth of what a pool may have.
const AT_ONCE_MAX: usize = YANKS_MAX / 16;

/// A save as a survey remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSave {
    /// The manifest.
    pub id: ManifestId,
    /// Its key.
    pub key: Key,
    /// Its sequence.
    pub sequence: u64,
    /// When seeds took it, by the median of their receipts.
    pub published: Timestamp,
    /// Who signed it, as the policy or the grant calls it.
    pub publisher: String,
    /// What it was made from.
    ancestors: Vec<ManifestId>,
    /// The yank itself takes it, not only what it was made from.
    direct: bool,
}

/// A key whose newest save is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The save.
    pub taken: KnownSave,
    /// What restores of the key get from then on: an earlier save of it, or else the newest of its lineage, for those who
    /// ask for that, too.
    pub next: Option<KnownSave>,
}

/// What is known of the pool's saves, in the light of a yank.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    saves: BTreeMap<ManifestId, KnownSave>,
    taken: BTreeSet<ManifestId>,
    /// Ancestors that nobody holds any more, or that were not asked for.
    pub unknown: usize,
    /// A seed answered every question; else only what this node knows was looked at.
    pub from_seed: bool,
    /// All of a seed's log was at hand; else older saves of a key may exist that are not known here.
    pub from_log: bool,
    /// Why the manifest that the yank names counts no more already: by which yank it was taken back.
    pub already: Option<Disbelief>,
    /// Living saves that were made from what is taken, and stay, since the yank does not cascade: as many as are known.
    pub descendants: usize,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the pool goes by, without the yank.
    pub trust: &'a Trust,
    /// The yank, signed, but heard by nobody.
    pub yank: &'a Envelope,
    /// Now.
    pub now: Timestamp,
    /// What a seed has written down from [`log_since`] on; none: it could not be had.
    pub log: Option<&'a SeedLog>,
    /// How long one answer may take.
    pub patience: Duration,
}

/// Lists the pool's saves and finds those that the yank takes.
///
/// # Errors
/// A connection that is of no more use.
pub fn survey(connection: &Connection, question: Question<'_>) -> Result<Survey, ConnectionError> {
    let Question { trust, yank, now, .. } = question;
    let judged = trust.clone().hear(std::slice::from_ref(yank), now);
    let log = question.log.filter(|log| log.seed.is_some());
    let history = log.map(|log| History::of(log, trust)).unwrap_or_default();
    let mut asking = Asking { connection, question, judged, history, survey: Survey::default() };
    asking.survey.from_seed = true;
    asking.survey.from_log = log.is_some_and(|log| !log.cut_short);
    let Ok(body) = yank.body::<Yank>() else { return Ok(asking.survey) };
    asking.pages()?;
    asking.lookups(&body)?;
    asking.survey.decide(&body);
    asking.earlier(&body)?;
    asking.survey.decide(&body);
    asking.count_descendants(&body);
    Ok(asking.survey)
}

/// The manifest that a yank names.
const fn named(yank: &Yank) -> Option<ManifestId> {
    match &yank.what {
        Yanked::Manifest(id) => Some(*id),
        Yanked::Grant(_) | Yanked::Publisher(_) | Yanked::Build { .. } | Yanked::Pattern { .. } => None,
    }
}

/// A survey that is not finished.
struct Asking<'a> {
    connection: &'a Connection,
    question: Question<'a>,
    judged: Trust,
    history: History,
    survey: Survey,
}

impl Asking<'_> {
    fn pages(&mut self) -> Result<(), ConnectionError> {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            // All of them: what is left of a lineage, and descendants, may be anywhere.
            let page = self.list(ListQuery::Pattern { pattern: None, after })?;
            // A page may hold nothing but what was taken back before; the next one begins behind that, too.
            after = page.rows.iter().chain(&page.taken).filter_map(|row| self.take(row)).max();
            if !page.more || after.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Asks for what the listing does not show: the save that is named, and what was made into others.
    fn lookups(&mut self, yank: &Yank) -> Result<(), ConnectionError> {
        let named = named(yank);
        let saves = self.survey.saves.values().filter(|save| yank.cascade || save.direct);
        let ancestors: BTreeSet<ManifestId> = saves.flat_map(|save| save.ancestors.clone()).collect();
        let logged =
            if yank.cascade { self.history.sources(yank, self.question.now) } else { BTreeSet::new() };
        let all: BTreeSet<ManifestId> = named.into_iter().chain(ancestors).chain(logged).collect();
        let known = &self.survey.saves;
        let wanted: Vec<ManifestId> = all.into_iter().filter(|id| !known.contains_key(id)).collect();
        for id in wanted.iter().take(LOOKUPS_MAX) {
            if named == Some(*id) {
                self.survey.already = self.taken_before(*id)?;
            }
            // The one that is named may well be unknown: the yank is for what may turn up.
            if !self.look_up(*id)? && named != Some(*id) {
                self.survey.unknown += 1;
            }
        }
        self.survey.unknown += wanted.len().saturating_sub(LOOKUPS_MAX);
        Ok(())
    }

    /// Whether a manifest was had. It counts only where it is believed.
    fn look_up(&mut self, id: ManifestId) -> Result<bool, ConnectionError> {
        let page = self.list(ListQuery::Manifest(id))?;
        let found = page.rows.iter().filter(|row| row.manifest.id() == id);
        Ok(found.filter_map(|row| self.take(row)).count() > 0)
    }

    /// Whether a manifest was taken back before, and by what.
    fn taken_before(&mut self, id: ManifestId) -> Result<Option<Disbelief>, ConnectionError> {
        let Question { trust, now, .. } = self.question;
        let page = self.list(ListQuery::Manifest(id))?;
        let found = page.taken.iter().filter(|row| row.manifest.id() == id);
        let mut why = found.filter_map(|row| trust.certify(row, now).err());
        Ok(why.find(|why| matches!(why, Disbelief::Yanked { .. } | Disbelief::AncestorYanked { .. })))
    }

    /// Asks for what keys fall back to: the newest save below the lost one that the log knows and somebody still holds.
    fn earlier(&mut self, yank: &Yank) -> Result<(), ConnectionError> {
        let mut budget = LOOKUPS_MAX;
        let taking = self.survey.whole(yank);
        for loss in self.survey.losses() {
            budget = self.earlier_of(loss, &taking, budget)?;
        }
        self.survey.from_log &= budget > 0;
        Ok(())
    }

    /// What is left of the lookups that may be made.
    fn earlier_of(&mut self, loss: Loss, yank: &Yank, budget: usize) -> Result<usize, ConnectionError> {
        let Loss { taken, next } = loss;
        let known = next.filter(|next| next.key == taken.key).map_or(0, |next| next.sequence);
        let mut rest = budget;
        for id in self.history.left(&taken.key, known, yank, self.question.now).into_iter().take(budget) {
            rest = rest.saturating_sub(1);
            if self.look_up(id)? && self.survey.stays(&id, yank) {
                break;
            }
        }
        Ok(rest)
    }

    fn count_descendants(&mut self, yank: &Yank) {
        if yank.cascade {
            return;
        }
        let mut sources = self.history.taken(yank);
        sources.extend(self.survey.sources(yank));
        let known = self.survey.saves.values().filter(|save| save.descends(&sources)).map(|save| save.id);
        let mut made = self.history.made_from(&sources, self.question.now);
        made.extend(known);
        self.survey.descendants = made.difference(&sources).count();
    }

    fn list(&mut self, what: ListQuery) -> Result<Listed, ConnectionError> {
        let page = listed(self.connection, what, Instant::now() + self.question.patience)?;
        self.survey.from_seed &= page.from_seed;
        Ok(page)
    }

    /// Remembers a save that is believed now, and says its key. What is taken back already is out of sight.
    fn take(&mut self, row: &CertifiedEnvelope) -> Option<Key> {
        let Question { trust, now, .. } = self.question;
        let key = row.manifest.body::<pollux_core::Manifest>().ok()?.key;
        if let Ok(certified) = trust.certify(row, now) {
            let direct = self.judged.yanked(&certified, now).is_some();
            let save = KnownSave::new(&certified, direct);
            self.survey.saves.insert(save.id, save);
        }
        Some(key)
    }
}

impl KnownSave {
    fn new(certified: &CertifiedManifest, direct: bool) -> Self {
        let manifest = certified.manifest();
        Self {
            id: certified.id(),
            key: manifest.key.clone(),
            sequence: manifest.sequence,
            published: certified.median(),
            publisher: certified.verified().publisher().to_owned(),
            ancestors: manifest.ancestors.clone(),
            direct,
        }
    }

    fn descends(&self, sources: &BTreeSet<ManifestId>) -> bool {
        self.ancestors.iter().any(|ancestor| sources.contains(ancestor))
    }
}

impl Survey {
    /// Whether the yank names a manifest that a seed has never heard of: mostly a name with an error in it.
    #[must_use]
    pub fn is_of_nothing(&self, yank: &Yank) -> bool {
        let is_known = self.already.is_some() || !self.taken.is_empty() || self.descendants > 0;
        named(yank).is_some() && self.from_seed && !is_known
    }

    fn decide(&mut self, yank: &Yank) {
        let sources = self.sources(yank);
        let is_taken = |save: &&KnownSave| save.direct || (yank.cascade && save.descends(&sources));
        self.taken = self.saves.values().filter(is_taken).map(|save| save.id).collect();
    }

    /// What the yank takes by itself.
    fn sources(&self, yank: &Yank) -> BTreeSet<ManifestId> {
        let direct = self.saves.values().filter(|save| save.direct).map(|save| save.id);
        direct.chain(named(yank)).collect()
    }

    /// The yank with all manifests that it takes by itself, as far as they are known.
    fn whole(&self, yank: &Yank) -> Yank {
        Yank { manifests: self.sources(yank).into_iter().collect(), ..yank.clone() }
    }

    /// Whether a save was believed and is not taken by a [`Self::whole`] yank.
    fn stays(&self, id: &ManifestId, yank: &Yank) -> bool {
        let sources: BTreeSet<ManifestId> = yank.manifests.iter().copied().collect();
        let is_taken = |save: &KnownSave| save.direct || (yank.cascade && save.descends(&sources));
        self.saves.get(id).is_some_and(|save| !is_taken(save))
    }

    /// Every known save that is taken back.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.len()
    }

    /// Keys whose newest save is taken back, with what they fall back to, in order.
    #[must_use]
    pub fn losses(&self) -> Vec<Loss> {
        let mut newest: BTreeMap<&Key, &KnownSave> = BTreeMap::new();
        for save in self.saves.values() {
            let known = newest.entry(&save.key).or_insert(save);
            if save.sequence > known.sequence {
                *known = save;
            }
        }
        let lost = newest.into_values().filter(|save| self.taken.contains(&save.id));
        lost.map(|save| Loss { taken: save.clone(), next: self.next(&save.key) }).collect()
    }

    fn next(&self, key: &Key) -> Option<KnownSave> {
        let left = || self.saves.values().filter(|save| !self.taken.contains(&save.id));
        let earlier = left().filter(|save| save.key == *key).max_by_key(|save| save.sequence);
        let lineage = key.lineage();
        let beside = left().filter(|save| lineage.is_some() && save.key.lineage() == lineage);
        earlier.or_else(|| beside.max_by_key(|save| (save.published, save.id))).cloned()
    }

    /// The yanks to be signed for this one. A cascading one that names no manifest must list those that it takes, so that
    /// readers know their descendants; where they are many, there are several yanks, the serials numbered. Ids that do
    /// not fit into as many as one command signs are left out.
    #[must_use]
    pub fn yanks(&self, yank: Yank) -> Vec<Yank> {
        let is_named = matches!(yank.what, Yanked::Manifest(_));
        let direct = self.saves.values().filter(|save| save.direct).map(|save| save.id);
        let ids: Vec<ManifestId> = direct.collect();
        if !yank.cascade || is_named || ids.is_empty() {
            return vec![yank];
        }
        let parts = ids.chunks(YANK_MANIFESTS_MAX).take(AT_ONCE_MAX).zip(1..);
        let part = |(ids, number): (&[ManifestId], u32)| {
            let serial = if number == 1 { yank.serial.clone() } else { format!("{}-{number}", yank.serial) };
            Yank { serial, manifests: ids.to_vec(), ..yank.clone() }
        };
        parts.map(part).collect()
    }
}
