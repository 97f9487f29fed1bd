//! The targets.

pub(crate) mod bulk;
pub(crate) mod cache;
pub(crate) mod chunk;
pub(crate) mod control;
pub(crate) mod document;
pub(crate) mod envelope;
pub(crate) mod lock;
pub(crate) mod names;
pub(crate) mod presets;
pub(crate) mod purl_list;
pub(crate) mod socket;
pub(crate) mod statement;
pub(crate) mod tree;
