//! What a job's caches are called, where they lie, and what its package managers are told: presets, and keys from the
//! surroundings.
//!
//! ```text
//! plan          a preset and the surroundings: key, fallbacks, directory, environment
//! preset        what is known of a package manager, as data
//! presets       those that come along, and a user's own
//! size          bytes, as a preset's file has them
//! template      the grammar of key templates
//! surroundings  what a CI system says of the job: project, branch, pipeline
//! systems       which variables of which CI system say it
//! platform      what the job runs on
//! lock_hash     the lock files of a project, as a part of a key
//! inspect       a cache's audit, its orphans, and the list of packages beside it
//! used          which files a job has read
//! prune         what goes before a save
//! benefit       whether a cache is worth its while
//! ```
//!
//! Nothing taken from the environment gives a right: a key is only a question, and only a signature answers it.

mod benefit;
mod inspect;
mod lock_hash;
mod plan;
mod platform;
mod preset;
mod presets;
mod prune;
mod size;
mod surroundings;
mod systems;
mod template;
mod used;

pub use benefit::{Memory, PACKAGE_TIME, REGISTRY_BYTES_PER_SECOND, Use, Uses};
pub use inspect::{
    BadLock, Inspected, Look, ROUNDS_MAX, STILL_HALF, inspect, mend, read_locks, restored_list, write_list,
};
pub use lock_hash::{LockFile, LockFiles};
pub use plan::{Plan, PlanError, Project, plan};
pub use platform::Platform;
pub use preset::{Preset, PresetError, Prune};
pub use presets::{Presets, PresetsError};
pub use prune::{Bounds, Pruned, There, drop_pruned, prune};
pub use surroundings::{EVENT_FILE, Fact, Surroundings};
pub use systems::System;
pub use template::{Template, TemplateError, Variable};
pub use used::Mark;
