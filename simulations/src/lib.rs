//! A fleet of Pollux nodes in virtual time, driving the same engine as real nodes do.
//!
//! Nothing here reads a clock, opens a socket or draws a random number: time is counted in microseconds by the events of
//! a queue, and every random choice follows from the scenario's rng seed. So a run can be repeated, and two runs of one
//! scenario have the same trace digest, in whatever process.
//!
//! Modules stand in layers and import downward only:
//!
//! ```text
//! hunt              scenarios whose faults are drawn; the least that fails
//! run               the story: publish, kill the savers, let the groups boot; checks; the report
//! world             engines and the fake drivers that keep the driver's contract
//! node   job        what one driver has in hand; a job as the client runs it
//! report trace      what is told; what happened, as a digest and as text
//! network           links that are shared: the model and its error stand there
//! content  pool     what is restored; real keys, documents and signatures
//! tally  queue      counters; events in order of time
//! sampler           samples over time, in bounded memory
//! scenario          what a run is made of
//! units  lots  numbered
//! ```
mod content;
mod hunt;
mod job;
mod lots;
mod network;
mod node;
mod numbered;
mod pool;
mod queue;
mod report;
mod run;
mod sampler;
mod scenario;
mod tally;
mod trace;
mod units;
mod world;

pub use hunt::{Shrunk, draw, failure, shrink};
pub use report::{
    Bound, Calibration, Class, Compared, Completion, Covered, Crossing, Deviation, Diff, Fairness, Figures,
    GroupReport, Judged, Mark, Measured, MeasuredError, Report, Series, Side, Speed, TraceReport, Traffic,
    Verdict,
};
pub use run::{RunError, run};
pub use scenario::{
    Amount, AmountError, Arrival, ArrivalError, Behaviour, Beside, Better, CacheSpec, Cover, Disk, Exit,
    Expectation, FaultKind, FaultSpec, Figure, Group, Path, Patience, Publish, READY, REFERENCE, ReadError,
    Scenario, ScenarioError, Seeds, Share, Sharing, TRACE_BYTES_MAX, TRACES, Unit, Whom, WhomError, YankSpec,
    Zone,
};
pub use trace::Trace;
pub use units::{ByteSize, Rate, Span, UnitError};
