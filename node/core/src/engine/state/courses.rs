//! How far this seed has come in catching up with each of the others: a page of names, then what it lacks of that, then the
//! next page.
use super::ledger::Page;
use crate::engine::bounds::CATCH_UP_PAUSE;
use crate::limits::BROUGHT_MAX;
use crate::message::RecordName;
use crate::{Instant, PeerId};
use std::collections::{BTreeMap, VecDeque};

/// One course of questions to one seed; what comes of an earlier one is for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// To whom.
    pub seed: PeerId,
    /// Which.
    pub serial: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Resting,
    /// A page of names is awaited.
    Asked,
    /// These are awaited.
    Bringing(Vec<RecordName>),
    /// So many are judged and made durable.
    Keeping(usize),
}

/// With one seed.
#[derive(Debug, Default)]
struct Course {
    /// What was heard of: the other's life, and the last number in it.
    life: u64,
    after: u64,
    serial: u64,
    stage: Stage,
    /// The last of this page, and whether there is more.
    page: (u64, u64, bool),
    wanted: VecDeque<RecordName>,
    /// Something of this page could not be kept: it is asked for once more.
    spoilt: bool,
    /// It asked, and is answered once all that the store remembers is verified.
    owed: Option<(u64, u64)>,
    /// Before this it is told no more names.
    quiet_until: Instant,
}

/// What comes after a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageEnd {
    /// There is another one.
    More,
    /// Everything that the seed keeps is known here.
    All,
    /// It has to be asked for again.
    Spoilt,
}

/// See the module. Bounded by the policy's seeds.
#[derive(Debug, Default)]
pub(crate) struct Courses {
    by_seed: BTreeMap<PeerId, Course>,
}

impl Courses {
    /// Begins anew from what is known; gives the life and the number to ask from.
    pub(crate) fn ask(&mut self, turn: Turn) -> (u64, u64) {
        let course = self.by_seed.entry(turn.seed).or_default();
        course.serial = turn.serial;
        course.stage = Stage::Asked;
        course.wanted.clear();
        course.spoilt = false;
        (course.life, course.after)
    }

    /// A page came; false if none is awaited. `lacking` are those names that are wanted.
    pub(crate) fn page(&mut self, seed: &PeerId, page: &Page, lacking: Vec<RecordName>) -> bool {
        let Some(course) = self.by_seed.get_mut(seed).filter(|course| course.stage == Stage::Asked) else {
            return false;
        };
        course.stage = Stage::Resting;
        course.page = (page.life, page.next, page.more);
        course.wanted = lacking.into();
        true
    }

    /// What to ask for next; none if that was all of the page. Those that are not lacked any more are left out.
    pub(crate) fn bring(
        &mut self,
        seed: &PeerId,
        lacks: impl Fn(&RecordName) -> bool,
    ) -> Option<Vec<RecordName>> {
        let course = self.by_seed.get_mut(seed)?;
        let mut names = Vec::new();
        while names.len() < BROUGHT_MAX
            && let Some(name) = course.wanted.pop_front()
        {
            names.extend(lacks(&name).then_some(name));
        }
        course.stage = if names.is_empty() { Stage::Resting } else { Stage::Bringing(names.clone()) };
        (!names.is_empty()).then_some(names)
    }

    /// The page is done.
    pub(crate) fn end_page(&mut self, seed: &PeerId) -> PageEnd {
        let Some(course) = self.by_seed.get_mut(seed).filter(|course| !course.spoilt) else {
            return PageEnd::Spoilt;
        };
        let (life, next, more) = course.page;
        (course.life, course.after) = (life, next);
        if more { PageEnd::More } else { PageEnd::All }
    }

    /// Some came: the turn that they are for, and those of the asked names that were brought. None if nothing is awaited.
    /// Of what was asked and has not come, the rest is asked for again if anything came at all.
    pub(crate) fn brought(
        &mut self,
        seed: &PeerId,
        came: impl Fn(&RecordName) -> bool,
    ) -> Option<(Turn, Vec<RecordName>)> {
        let course = self.by_seed.get_mut(seed)?;
        let Stage::Bringing(asked) = &mut course.stage else { return None };
        let (brought, rest): (Vec<_>, Vec<_>) = core::mem::take(asked).into_iter().partition(came);
        if !brought.is_empty() {
            rest.into_iter().rev().for_each(|name| course.wanted.push_front(name));
        }
        course.stage = Stage::Keeping(brought.len());
        Some((Turn { seed: *seed, serial: course.serial }, brought))
    }

    /// One of those that were brought is judged, and kept if it holds; true when it was the last.
    pub(crate) fn kept(&mut self, turn: Turn, well: bool) -> bool {
        let course = self.by_seed.get_mut(&turn.seed).filter(|course| course.serial == turn.serial);
        let Some(course) = course else { return false };
        let Stage::Keeping(open) = &mut course.stage else { return false };
        *open = open.saturating_sub(1);
        course.spoilt |= !well;
        *open == 0
    }

    /// The connection is gone: what was awaited will not come.
    pub(crate) fn gone(&mut self, seed: &PeerId) {
        if let Some(course) = self.by_seed.get_mut(seed) {
            (course.serial, course.stage, course.owed) = (0, Stage::Resting, None);
            course.wanted.clear();
        }
    }

    /// Whether a seed may be told names now: then not again for a moment.
    pub(crate) fn may_tell(&mut self, seed: &PeerId, now: Instant) -> bool {
        let course = self.by_seed.entry(*seed).or_default();
        let may = course.quiet_until <= now;
        if may {
            course.quiet_until = now.after(CATCH_UP_PAUSE / 2);
        }
        may
    }

    /// A seed asked and cannot be answered yet.
    pub(crate) fn owe(&mut self, seed: PeerId, life: u64, after: u64) {
        self.by_seed.entry(seed).or_default().owed = Some((life, after));
    }

    /// Who asked and was not answered.
    pub(crate) fn take_owed(&mut self) -> Vec<(PeerId, u64, u64)> {
        let owed = self.by_seed.iter_mut().filter_map(|(seed, course)| Some((*seed, course.owed.take()?)));
        owed.map(|(seed, (life, after))| (seed, life, after)).collect()
    }
}

#[cfg(test)]
#[path = "courses_tests.rs"]
mod tests;
