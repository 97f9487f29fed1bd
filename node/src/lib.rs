//! The Pollux node.
pub mod store;
