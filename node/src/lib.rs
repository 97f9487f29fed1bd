//! The Pollux node.
