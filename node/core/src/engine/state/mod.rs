//! What an engine remembers: small parts, each with its own bounds, none knowing another.
pub(super) mod ballots;
pub(super) mod bans;
pub(super) mod behind;
pub(super) mod catalogue;
pub(super) mod chance;
pub(super) mod courses;
pub(super) mod dials;
pub(super) mod fullness;
pub(super) mod joining;
pub(super) mod journal;
pub(super) mod ledger;
pub(super) mod listings;
pub(super) mod logs;
pub(super) mod offers;
pub(super) mod outbox;
pub(super) mod paper_turns;
pub(super) mod papers;
pub(super) mod peers;
pub(super) mod probes;
pub(super) mod publishes;
pub(super) mod questions;
pub(super) mod refusals;
pub(super) mod rejudge;
pub(super) mod relays;
pub(super) mod shares;
pub(super) mod shorts;
pub(super) mod spreads;
pub(super) mod swarms;
pub(super) mod tasks;
pub(super) mod timers;
pub(super) mod tracker;
pub(super) mod uses;
pub(super) mod votes;
pub(super) mod wholeness;

#[cfg(test)]
mod tests;
