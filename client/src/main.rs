//! The Pollux command.
fn main() {}
