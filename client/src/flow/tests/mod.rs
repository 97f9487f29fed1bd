//! What jobs do, against a node that follows a script.

#![expect(clippy::wildcard_enum_match_arm, reason = "a script knows the requests that it is about")]

mod ask;
mod cache;
mod log;
mod node;
mod papers;
mod prefetch;
mod publish;
mod restore;
mod restore_again;
mod restore_slowly;
mod restore_whole;
mod save;
mod verify;
mod yank;
