//! How far a seed is with naming the chunks of a manifest to the members of each zone: each zone is told every chunk once
//! before it is told any again. So one copy goes into each, and no zone waits for what another has.
use crate::Zone;
use crate::engine::bounds::{PART_CHUNKS_MAX, PART_CHUNKS_MIN};
use crate::message::ChunkSet;
use std::collections::BTreeMap;

/// The members of one zone.
#[derive(Debug, Default)]
struct Course {
    /** how many there are */
    members: u32,
    /** the chunk from which the next part begins */
    next: u32,
    /** every chunk was named in a part */
    is_given_out: bool,
}

/// By zone; those of which none is known are one more. Forgotten with the last member of the zone.
#[derive(Debug, Default)]
pub(super) struct Naming {
    courses: BTreeMap<Option<Zone>, Course>,
}

impl Naming {
    /// One more member is there.
    pub(super) fn enter(&mut self, zone: Option<Zone>) {
        self.courses.entry(zone).or_default().members += 1;
    }

    /// One is not any more.
    pub(super) fn leave(&mut self, zone: &Option<Zone>) {
        let Some(course) = self.courses.get_mut(zone) else { return };
        course.members = course.members.saturating_sub(1);
        if course.members == 0 {
            self.courses.remove(zone);
        }
    }

    /// Whether each of the chunks was named there.
    pub(super) fn is_given_out(&self, zone: &Option<Zone>) -> bool {
        self.courses.get(zone).is_some_and(|course| course.is_given_out)
    }

    /// The next few of so many chunks for a member that is there: few at first, and towards the end.
    pub(super) fn next_part(&mut self, zone: &Option<Zone>, has_part: bool, count: u32) -> Option<ChunkSet> {
        let course = self.courses.get_mut(zone)?;
        let most = if has_part { PART_CHUNKS_MAX } else { PART_CHUNKS_MIN };
        let from = if course.next < count { course.next } else { 0 };
        let left = count - from;
        let length = (left / course.members.saturating_mul(2).max(1)).clamp(PART_CHUNKS_MIN, most).min(left);
        course.next = from + length;
        course.is_given_out |= course.next >= count;
        Some(ChunkSet::range(from, course.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Option<Zone> {
        Some(name.parse().unwrap())
    }

    fn ranges(naming: &mut Naming, zone: &Option<Zone>, parts: usize) -> Vec<(u32, u32)> {
        let next = |_| naming.next_part(zone, true, 100).unwrap().ranges().to_vec();
        (0..parts).flat_map(next).collect()
    }

    #[test]
    fn each_zone_is_told_everything() {
        let mut naming = Naming::default();
        let (east, west) = (zone("east"), zone("west"));
        (0..5).for_each(|_| naming.enter(east.clone()));
        (0..25).for_each(|_| naming.enter(west.clone()));
        assert_eq!(ranges(&mut naming, &east, 2), [(0, 10), (10, 19)]);
        assert_eq!(ranges(&mut naming, &west, 2), [(0, 2), (2, 4)], "shared by more");
        assert_eq!(ranges(&mut naming, &east, 1), [(19, 27)]);
        ranges(&mut naming, &west, 48);
        assert!(naming.is_given_out(&west) && !naming.is_given_out(&east));
        assert_eq!(ranges(&mut naming, &west, 1), [(0, 2)]);
        assert!(!naming.is_given_out(&None) && naming.next_part(&None, true, 100).is_none());
    }

    #[test]
    fn what_was_named_in_a_zone_is_forgotten_with_its_last_member() {
        let (mut naming, east) = (Naming::default(), zone("east"));
        (0..2).for_each(|_| naming.enter(east.clone()));
        ranges(&mut naming, &east, 1);
        naming.leave(&east);
        assert_eq!(ranges(&mut naming, &east, 1).first().map(|part| part.0), Some(16));
        naming.leave(&east);
        naming.leave(&zone("west"));
        assert!(naming.courses.is_empty());
    }
}
