//! Transfer, driven in virtual time against scripted peers and a store that does as it is told. The world checks at every
//! output what must always hold; each test adds what it is about.
mod world;

mod choosing;
mod credits;
mod crowd;
mod failing;
mod far;
mod grouping;
mod keeping;
mod parts;
mod property;
mod serving;
mod slab;
mod slow;
mod swarms;
mod table;
mod taking;
mod telling;
mod timers;
mod together;
mod waiting;
