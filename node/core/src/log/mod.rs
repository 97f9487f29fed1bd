//! The log that each seed keeps of its pool: who published what when, from where and from which ancestors; what was
//! refused; what was taken back; which policies came into force.
//!
//! A log is lines of JSON, one [`LogEntry`] each, written once and never changed; they outlive the manifests that they
//! speak of. It is one seed's word, not a signed document: what is still kept can be checked with the signatures
//! (`pollux verify`), the rest cannot. Fields are only ever added, and a reader passes over those that it does not know.
mod answers;
mod entry;
mod taken;

pub use entry::{
    LogEntry, Logged, LoggedGrant, LoggedMore, LoggedPolicy, LoggedPublish, LoggedRefusal, LoggedYank,
};
pub use taken::Taking;

#[cfg(test)]
mod tests;
