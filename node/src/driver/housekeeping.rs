//! What the driver does for room on the disk: a node sweeps and evicts, a seed keeps count and sweeps what is not needed.

use super::Driver;
use super::evictor::{self, Evictor};
use super::keeper::{self, Keeper};
use super::sweeper::Sweeper;
use pollux_core::engine::Input;
use std::time::{Duration, Instant};

/// By role.
#[derive(Debug)]
pub(super) enum Housekeeping {
    /// A node's.
    Node {
        /// For what nothing names.
        sweeper: Box<Sweeper>,
        /// For when the disk runs short.
        evictor: Evictor,
    },
    /// A seed's.
    Seed(Keeper),
}

impl Housekeeping {
    /// How often the file system is asked how much is free.
    pub(super) const fn look_every(&self) -> Duration {
        match self {
            Self::Node { .. } => evictor::LOOK_EVERY,
            Self::Seed(_) => keeper::LOOK_EVERY,
        }
    }
}

impl Driver {
    /// Looks how much room there is.
    pub(super) fn look_at_room(&mut self) {
        match &mut self.housekeeping {
            Housekeeping::Node { evictor, .. } => {
                if let Some(owed) = evictor.due(Instant::now()) {
                    self.evict(owed);
                }
            }
            Housekeeping::Seed(_) => self.tidy(),
        }
    }

    fn evict(&self, owed: evictor::Owed) {
        let (store, held) = (self.workers.store().clone(), self.engine.held().unwrap_or_default());
        let housework = self.counters.housework();
        self.workers.lend(move || {
            let (bytes, manifests) = evictor::evict(&store, owed, held);
            housework.evicted(owed.why(), bytes);
            Input::Evicted { manifests }
        });
    }

    /// An eviction is over.
    pub(super) fn evicted(&mut self) {
        if let Housekeeping::Node { evictor, .. } = &mut self.housekeeping {
            evictor.done(Instant::now());
        }
    }

    fn tidy(&mut self) {
        let now = self.clock.now();
        let Housekeeping::Seed(keeper) = &mut self.housekeeping else { return };
        let (room, due) = (keeper.room(), keeper.is_due(now.instant));
        if let Some((bytes, bytes_max)) = room {
            self.feed(Input::Room { bytes, bytes_max });
        }
        if due {
            self.sweep_seed();
        }
    }

    pub(super) fn sweep_seed(&mut self) {
        let now = self.clock.now();
        self.feed(Input::Tidy);
        let fullness = self.engine.fullness();
        let Some(needs) = self.engine.needs(now) else { return };
        let Housekeeping::Seed(keeper) = &mut self.housekeeping else { return };
        let housework = self.counters.housework();
        let Some(mark) = keeper.begin(now.instant, fullness, needs.let_go.len()) else {
            return housework.clean(now.wall);
        };
        let store = self.workers.store().clone();
        self.workers.lend(move || {
            housework.swept(now.wall, keeper::sweep(&store, mark, &needs, now.wall));
            // Whoever hears it looks for what was lost.
            Input::Timeout
        });
    }

    /// The store has refused a chunk.
    pub(super) fn store_is_full(&mut self) {
        if let Housekeeping::Node { sweeper, evictor } = &mut self.housekeeping {
            sweeper.note_full();
            evictor.note_full();
        }
        self.sweep();
    }

    /// A node sweeps, if it is time to.
    pub(super) fn sweep(&mut self) {
        if let Housekeeping::Node { sweeper, .. } = &mut self.housekeeping {
            sweeper.turn(self.clock.now(), &self.workers, self.counters.housework());
        }
    }
}
