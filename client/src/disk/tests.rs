//! What the parts do together: whole directories in and out, hostile neighbours, every kind of target.
mod clones;
mod descriptors;
mod hostile;
mod indexed;
mod packing;
mod round_trip;
mod scanning;
mod support;
mod targets;
mod times;
mod unprivileged;

pub(in crate::disk) use support::noise;
pub(crate) use support::{sample, snapshot};
