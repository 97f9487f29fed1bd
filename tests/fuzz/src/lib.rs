//! What must hold for every decoder of foreign bytes, whatever the bytes are.
//!
//! A [`Target`] takes any bytes and panics where something does not hold: not only must nothing crash, but what is read
//! is written again the same, nothing takes more memory than its length and the limits allow, and no message about it can
//! move a terminal's cursor. `tests/fuzz/run` searches for bytes that break a target (libFuzzer, in `src/bin/fuzz.rs`);
//! `cargo test` tries those that are known: the seeds, the corpus and the regressions, beside this file.
//!
//! ```text
//! target/…   one file for each target: what must hold, and its seeds
//! memory     what a decoder takes
//! effort     how long it works
//! words      what an error may say
//! sample     documents to begin with
//! ```

mod effort;
mod memory;
mod sample;
mod target;
mod words;

use target::{
    bulk, cache, chunk, control, document, envelope, lock, names, presets, purl_list, socket, statement, tree,
};

/// A decoder, and what must hold for it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line and of its directories.
    pub name: &'static str,
    check: fn(&[u8]) -> Verdict,
    /// Good inputs to begin with; every one of them is [`Verdict::Read`].
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// What became of an input. Both are fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The decoder took it, and all that must hold does.
    Read,
    /// The decoder did not take it.
    Refused,
}

/// All targets.
pub const TARGETS: [Target; 13] = [
    Target { name: "document", check: document::check, seeds: document::seeds },
    Target { name: "envelope", check: envelope::check, seeds: envelope::seeds },
    Target { name: "statement", check: statement::check, seeds: statement::seeds },
    Target { name: "tree", check: tree::check, seeds: tree::seeds },
    Target { name: "control", check: control::check, seeds: control::seeds },
    Target { name: "bulk", check: bulk::check, seeds: bulk::seeds },
    Target { name: "socket", check: socket::check, seeds: socket::seeds },
    Target { name: "chunk", check: chunk::check, seeds: chunk::seeds },
    Target { name: "names", check: names::check, seeds: names::seeds },
    Target { name: "lock", check: lock::check, seeds: lock::seeds },
    Target { name: "cache", check: cache::check, seeds: cache::seeds },
    Target { name: "purl_list", check: purl_list::check, seeds: purl_list::seeds },
    Target { name: "presets", check: presets::check, seeds: presets::seeds },
];

impl Target {
    /// The target of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Tries these bytes. Panics where something does not hold.
    #[must_use]
    pub fn check(&self, bytes: &[u8]) -> Verdict {
        effort::bounded(bytes.len(), || (self.check)(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_runs_every_target() {
        let names = TARGETS.map(|target| target.name).join(" ");
        assert!(include_str!("../run").contains(&format!("\nall=({names})\n")), "{names}");
        assert!(TARGETS.iter().all(|target| Target::named(target.name).is_some()));
    }
}
