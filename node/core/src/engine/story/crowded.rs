//! A seed that is asked too much says so; then others are to be asked.
use super::Alarm;
use crate::engine::Engine;
use crate::engine::bounds::{MINGLE_CROWDED, NEIGHBOURS_WANTED};
use crate::{ManifestId, Now};

impl Engine {
    /// A seed was busy several times in a row: while there are few neighbours it is asked for more soon, and not only when
    /// it would be anyway. It answers that at once, for names cost it nothing beside chunks.
    pub(super) fn seed_is_busy(&mut self, now: Now, manifest: ManifestId) {
        let Some(swarm) = self.swarms.get(&manifest) else { return };
        let here = swarm.neighbours.iter().filter(|peer| self.peers.get(peer).is_some()).count();
        if here < NEIGHBOURS_WANTED {
            self.timers.hurry(Alarm::Mingle(manifest), now.instant.after(MINGLE_CROWDED));
        }
    }
}
