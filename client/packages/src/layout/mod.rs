//! How each program lays out its cache: one file each, each with one `read` that finds packages, what must hold, orphans, and
//! what it does not understand. The module docs of each tell the layout, its versions and where that is written down.
//!
//! Paths are relative to the base of the program's preset.

mod address;
pub(crate) mod apt;
pub(crate) mod bundler;
pub(crate) mod cargo;
pub(crate) mod composer;
mod git;
pub(crate) mod go;
pub(crate) mod gradle;
pub(crate) mod maven;
mod msgpack;
pub(crate) mod npm;
pub(crate) mod pip;
pub(crate) mod pnpm;
#[cfg(test)]
mod testing;
mod unpacked;
pub(crate) mod uv;
pub(crate) mod yarn;
