//! The run's trace: every input and output of every engine in order, as a digest and, if wanted, as text.
//!
//! A line of the text is `MICROSECONDS nNODE VERB` and what it is about; `<` is an input, `>` an output:
//!
//! ```text
//! 1021500 n7 > fetch 12 of n3 chunk 5fe1…
//! ```
//!
//! The digest is BLAKE3 over the same facts in binary, messages with all their bytes. Equal digests mean equal runs.

use crate::numbered::NodeNo;
use crate::trace::fact::Fact;
use core::fmt;
use pollux_core::engine::{Input, Output};
use pollux_core::{Instant, PeerId};
use std::collections::BTreeMap;
use std::io::{self, Write};

pub(crate) mod fact;
mod inputs;
mod outputs;

/// Facts gathered before they are hashed: hashing many bytes at once is several times faster.
const BUFFER_BYTES: usize = 64 * 1024;

/// See the module.
pub struct Trace {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    facts: u64,
    text: Option<Box<dyn Write>>,
    error: Option<io::Error>,
    names: BTreeMap<PeerId, NodeNo>,
}

impl Trace {
    /// A trace without text.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hasher: blake3::Hasher::new(),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            facts: 0,
            text: None,
            error: None,
            names: BTreeMap::new(),
        }
    }

    /// A trace that is also written out as text. Where writing fails, the run goes on, and its end
    /// tells.
    #[must_use]
    pub fn with_text(text: Box<dyn Write>) -> Self {
        Self { text: Some(text), ..Self::new() }
    }

    /// A peer's number, for the text.
    pub(crate) fn name(&mut self, peer: PeerId, no: NodeNo) {
        self.names.insert(peer, no);
    }

    /// One thing that happened at one node.
    pub(crate) fn add(&mut self, at: Instant, node: NodeNo, fact: &Fact<'_>) {
        self.facts += 1;
        self.buffer.extend_from_slice(&at.as_micros().to_le_bytes());
        self.buffer.extend_from_slice(&node.0.to_le_bytes());
        fact.write(&mut self.buffer);
        if self.buffer.len() >= BUFFER_BYTES {
            self.hash();
        }
        if let Some(text) = &mut self.text {
            let line = writeln!(text, "{} n{} {}", at.as_micros(), node.0, fact.text(&self.names));
            if let Err(error) = line {
                (self.text, self.error) = (None, Some(error));
            }
        }
    }

    /// An output, and each chunk of a request by itself.
    pub(crate) fn add_output(&mut self, at: Instant, node: NodeNo, output: &Output) {
        if let Output::Fetch { peer, chunks } = output {
            chunks.iter().for_each(|(fetch, chunk)| self.add(at, node, &Fact::fetched(*fetch, *peer, chunk)));
        } else if let Output::Serve { chunks } = output {
            chunks.iter().for_each(|(ask, chunk)| self.add(at, node, &Fact::served(*ask, *chunk)));
        } else {
            self.add(at, node, &Fact::of_output(output));
        }
    }

    /// An input, and each chunk of a request by itself.
    pub(crate) fn add_input(&mut self, at: Instant, node: NodeNo, input: &Input) {
        if let Input::Asked { peer, chunks } = input {
            chunks.iter().for_each(|(ask, chunk)| self.add(at, node, &Fact::asked(*ask, *peer, *chunk)));
        } else {
            self.add(at, node, &Fact::of_input(input));
        }
    }

    fn hash(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }

    /// Facts so far.
    pub(crate) const fn facts(&self) -> u64 {
        self.facts
    }

    /// The digest, in hexadecimal.
    pub(crate) fn digest(&mut self) -> String {
        self.hash();
        self.hasher.finalize().to_hex().to_string()
    }

    /// Writes out what is left of the text.
    ///
    /// # Errors
    /// The first error of writing it.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match (self.error.take(), &mut self.text) {
            (Some(error), _) => Err(error),
            (None, Some(text)) => text.flush(),
            (None, None) => Ok(()),
        }
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("facts", &self.facts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_core::engine::{FetchId, Input, Output};
    use pollux_core::{ChunkId, ChunkRef};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn peer() -> PeerId {
        PeerId::new(crate::pool::identity(NodeNo(3)).public())
    }

    fn fetch() -> Output {
        let chunk = ChunkRef { id: ChunkId::of(b"a"), bytes: 7 };
        Output::Fetch { peer: peer(), chunks: vec![(FetchId(12), chunk)] }
    }

    fn traced(trace: &mut Trace, at: u64, node: u32) -> String {
        trace.name(peer(), NodeNo(3));
        trace.add_output(Instant::from_micros(at), NodeNo(node), &fetch());
        trace.digest()
    }

    #[test]
    fn the_text_says_who_did_what_when() {
        let shared = Shared::default();
        let mut trace = Trace::with_text(Box::new(shared.clone()));
        traced(&mut trace, 1_021_500, 7);
        trace.add_input(Instant::from_micros(1_021_501), NodeNo(7), &Input::Timeout);
        assert_eq!(trace.facts(), 2);
        trace.finish().unwrap();
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "1021500 n7 > fetch 12 n3 chunk 17762fdd amount 7\n1021501 n7 < timeout\n");
    }

    #[test]
    fn the_digest_depends_on_everything() {
        let digest = |at, node| traced(&mut Trace::new(), at, node);
        assert_eq!(digest(1, 7), digest(1, 7));
        assert_ne!(digest(1, 7), digest(2, 7));
        assert_ne!(digest(1, 7), digest(1, 8));
        let mut other = Trace::new();
        other.add_input(Instant::from_micros(1), NodeNo(7), &Input::Timeout);
        assert_ne!(other.digest(), digest(1, 7));
    }

    #[test]
    fn a_full_disk_spoils_the_text_only() {
        let mut trace = Trace::with_text(Box::new(Full));
        assert_eq!(traced(&mut trace, 1, 7), traced(&mut Trace::new(), 1, 7));
        assert_eq!(trace.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
