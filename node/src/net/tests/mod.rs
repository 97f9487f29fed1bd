//! The wire over real sockets on loopback. Nobody sleeps: every wait is for an event, with a generous limit.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for the events that it is about")]

mod chunks;
mod garbage;
mod hostile;
mod node;
mod pairs;
mod raw;
mod strangers;
