//! What an operator sets: one TOML file, with the environment and flags over it.
//!
//! A value is looked for in this order: flag, environment, file, default. An unknown field of the file is an error
//! that names it, so that a misspelt bound is not silently none.

mod file;
mod settings;
mod values;

pub use file::{ConfigError, ConfigFile, LimitsSection, LogFormat, LogSection, SocketSection, StoreSection};
pub use settings::{Limits, Overrides, Settings};
