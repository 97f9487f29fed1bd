//! The Pollux node: all the IO, no decisions. `ARCHITECTURE.md` beside this crate tells how its parts meet.
//!
//! ```text
//! run       starts everything, stops everything
//! driver    feeds the engine and carries out what it decides
//! socket    jobs
//! net       peers
//! store     the disk
//! admission the membership that an operator signed
//! journal   a seed's log
//! metrics   what operators measure
//! check     is the store whole?
//! marker    may a seed's store be started with?
//! papers    what is everything judged by at start?
//! instance  which machine is this?
//! config    identity    clock    logging
//! ```

mod admission;
pub mod check;
pub mod clock;
pub mod config;
pub mod driver;
mod ends;
pub mod identity;
mod instance;
pub mod journal;
pub mod logging;
pub mod marker;
pub mod metrics;
pub mod net;
mod papers;
pub mod run;
pub mod socket;
pub mod store;
