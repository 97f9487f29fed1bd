//! Good inputs to begin with: small, and of every kind, so that a search need not find out for itself what they look like.

mod content;
mod packages;
mod papers;
mod speech;

pub(crate) use content::{framed_chunks, trees};
pub(crate) use packages::{caches, locks, purls_and_lists, templates_and_presets};
pub(crate) use papers::{documents, names, pool_file};
pub(crate) use speech::{frames, messages, replies};
