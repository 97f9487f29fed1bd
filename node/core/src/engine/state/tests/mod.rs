//! What the engine remembers, step by step beside a model that is too simple to be wrong: whatever the order of the
//! steps, both must say the same. Each file is about one part; examples of single behaviours stand beside the parts.
use crate::{Instant, ManifestId, PeerId, PublicKey};

mod bans;
mod catalogue;
mod dials;
mod listings;
mod neighbours;
mod offers;
mod outbox;
mod peers;
mod publishes;
mod questions;
mod relays;
mod tasks;
mod timers;
mod tracker;
mod votes;

/// 32 bytes that begin with this number, so that names sort as their numbers do.
fn name(number: u16) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn peer(number: u16) -> PeerId {
    PeerId::new(PublicKey::from_bytes(name(number)))
}

fn id(number: u16) -> ManifestId {
    ManifestId::from_bytes(name(number))
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}
