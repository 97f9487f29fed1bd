//! Stories of whole pools, told to real engines with real signatures in virtual time.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test picks out what it looks at")]
mod abuse;
mod arbitrary;
mod asking;
mod belief;
mod bench;
mod byzantine;
mod catching_up;
mod chaos;
mod fetching;
mod healing;
mod host;
mod joining;
mod listing;
mod losses;
mod offering;
mod publishing;
mod reaching;
mod recovery;
mod remembering;
mod restore;
mod room;
mod save;
mod seeds;
mod spreading;
mod standing;
mod world;
