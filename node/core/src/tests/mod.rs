//! The small types that everything else is made of, beside plain references: each test compares with something that is
//! written in another way and is too simple to be wrong.
mod bounded;
mod chunk_set;
mod key;
mod name;
mod numbered;
mod time;
