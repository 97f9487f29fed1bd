//! Real pools on loopback, for stories, attacks, the demonstration and benchmarks.
//!
//! ```text
//! programs   where the programs under test are
//! daemon     one running pollux-node
//! pool       a seed and nodes
//! ports      ports that nobody else is given
//! lan        hosts behind shaped links
//! crowd      a pool on such hosts, all of whose jobs restore at once
//! hostile    peers that misbehave as they are told
//! machine    machines with a systemd of their own
//! command    the pollux command, run to its end
//! stage      what programs that play a pool to a person share
//! stats      medians and spread
//! tree       directories made, listed and compared
//! ```

mod command;
pub mod crowd;
mod daemon;
pub mod hostile;
pub mod lan;
mod machine;
mod pool;
mod ports;
mod programs;
mod stage;
pub mod stats;
mod tree;

pub use command::{Finished, Pollux};
pub use daemon::{Daemon, DaemonError, memory_of};
pub use machine::{Machine, ROOT_VARIABLE, root_archive};
pub use pool::{NodeOptions, Pool};
pub use ports::free_port;
pub use programs::{Programs, ProgramsError};
pub use stage::{interruption, say, step};
pub use tree::{Difference, Listing, fill, sample_tree};
