//! What operators and their machines may ask over HTTP: `/metrics` for Prometheus, `/livez` and `/readyz` for whoever starts
//! and stops programs. Off unless an address is set; plain HTTP, so it belongs on loopback or a network of the operator's.
//!
//! The driver counts as it goes along ([`Counters`]); everything else is looked up when somebody asks, and nothing is spent
//! while nobody does. A page serves whoever asks within a second, so that asking without end costs no more than that.
//!
//! - `/livez`: 200 if the driver's loop answers within five seconds, else 503.
//! - `/readyz`: 200 if moreover this node is a member, or this seed signs; else 503. It answers only once the store is open
//!   and the job socket is bound: the endpoint begins after them.
//! - In both, the body says what is missing.
//!
//! ```text
//! server    connections, requests, their bounds
//! page      samples, and how they are written
//! snapshot  what the driver tells, as a page
//! counters  what is counted as it happens; histogram
//! housework what was done for room on the disk
//! table     every metric's name; words: the values of labels
//! ```

mod counters;
mod histogram;
mod housework;
mod page;
mod server;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use counters::{Class, Counters};
pub use housework::{Housework, Pressure};
pub use server::{MetricsParts, MetricsServer};
pub use snapshot::{Queues, Snapshot};
pub use table::{Kind, METRICS, Metric, Of};

use pollux_core::Timestamp;
use pollux_core::engine::Engine;

impl Snapshot {
    /// What the driver knows at this time of the wall clock.
    #[must_use]
    pub fn of(engine: &Engine, counters: &Counters, queues: Queues, wall: Timestamp) -> Self {
        Self {
            totals: counters.totals(),
            status: engine.status(),
            measures: engine.measures(wall),
            trust: engine.trust().clone(),
            unwelcome: engine.surroundings().unwelcome,
            queues,
        }
    }
}
