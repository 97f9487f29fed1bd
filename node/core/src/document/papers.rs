//! What seeds spread: the documents that change how all others are judged.

use super::Envelope;
use crate::limits::{ROOT_STEPS_MAX, YANKS_MAX};
use crate::{Digest, bounded};
use serde::{Deserialize, Serialize};

/// Roots that follow the pool file's, the newest policy, and yanks, as sent and stored: nothing about them is believed
/// yet. Who holds several takes what holds of each, so they may come in parts and in any number.
///
/// In binary formats (postcard): roots (list of envelopes), policy (0, or 1 and an envelope), yanks (list of envelopes).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    /// [`Root`](crate::Root)s by version, each followed by the next; at most [`ROOT_STEPS_MAX`]. The pool file's own
    /// need not be among them.
    #[serde(default, deserialize_with = "bounded::list::<_, _, ROOT_STEPS_MAX>")]
    pub roots: Vec<Envelope>,
    /// The newest [`Policy`](crate::Policy) that is known.
    #[serde(default)]
    pub policy: Option<Envelope>,
    /// [`Yank`](crate::Yank)s; at most [`YANKS_MAX`].
    #[serde(default, deserialize_with = "bounded::list::<_, _, YANKS_MAX>")]
    pub yanks: Vec<Envelope>,
}

/// Which policy and yanks somebody knows, as seeds' answers state it: who knows others asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PapersDigest {
    /// Hash of the newest policy: [`Envelope::digest`].
    pub policy: Digest,
    /// Hash of all yanks: [`YankSet::digest`](crate::YankSet::digest).
    pub yanks: Digest,
    /// How many yanks these are.
    pub yanks_count: u32,
}

impl Papers {
    /// Whether there is nothing in them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.policy.is_none() && self.yanks.is_empty()
    }

    /// Bytes that these take in binary formats.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        postcard::experimental::serialized_size(self).unwrap_or(usize::MAX)
    }

    /// The same in parts of at most `bytes_max` bytes each ([`Self::encoded_bytes`]), for messages of bounded length: the
    /// roots first, in order, then the policy, then the yanks. A single document that is longer stands alone in a part.
    /// Without documents there is no part.
    #[must_use]
    pub fn split(&self, bytes_max: usize) -> Vec<Self> {
        let mut parts = vec![Self::default()];
        let mut room = Room { left: bytes_max, bytes_max };
        for root in &self.roots {
            room.part(&mut parts, root).roots.push(root.clone());
        }
        if let Some(policy) = &self.policy {
            room.part(&mut parts, policy).policy = Some(policy.clone());
        }
        for yank in &self.yanks {
            room.part(&mut parts, yank).yanks.push(yank.clone());
        }
        parts.retain(|part| !part.is_empty());
        parts
    }
}

/// Bytes of a part's own: two counts of up to three bytes, and whether there is a policy.
const PART_BYTES: usize = 7;

/// What is left in the last part.
struct Room {
    left: usize,
    bytes_max: usize,
}

impl Room {
    /// The part for this document: the last, or a new one after it.
    fn part<'a>(&mut self, parts: &'a mut Vec<Papers>, document: &Envelope) -> &'a mut Papers {
        let bytes = postcard::experimental::serialized_size(document).unwrap_or(usize::MAX);
        if bytes.saturating_add(PART_BYTES) > self.left {
            parts.push(Papers::default());
            self.left = self.bytes_max;
        }
        self.left = self.left.saturating_sub(bytes);
        #[expect(clippy::expect_used, reason = "`split` begins with one part and none is taken away")]
        parts.last_mut().expect("there is a part")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::CONTROL_BYTES_MAX;

    fn envelope(kind: &str, bytes: usize) -> Envelope {
        Envelope { payload_type: kind.to_owned(), payload: vec![7; bytes], signatures: Vec::new() }
    }

    fn papers(roots: usize, yanks: usize) -> Papers {
        Papers {
            roots: (1..=roots).map(|number| envelope("r", number)).collect(),
            policy: Some(envelope("p", 3)),
            yanks: (1..=yanks).map(|number| envelope("y", number)).collect(),
        }
    }

    /// All parts together again.
    fn join(parts: Vec<Papers>) -> Papers {
        let mut whole = Papers::default();
        for Papers { roots, policy, yanks } in parts {
            whole.roots.extend(roots);
            whole.policy = policy.or(whole.policy);
            whole.yanks.extend(yanks);
        }
        whole
    }

    #[test]
    fn papers_are_written_so() {
        let bytes = postcard::to_stdvec(&papers(1, 1)).unwrap();
        let expected = [
            [1, 1, b'r', 1, 7, 0].as_slice(), // one root: its type, payload, no signatures
            &[1, 1, b'p', 3, 7, 7, 7, 0],     // a policy
            &[1, 1, b'y', 1, 7, 0],           // one yank
        ];
        assert_eq!(bytes, expected.concat());
        assert_eq!(postcard::from_bytes::<Papers>(&bytes), Ok(papers(1, 1)));
        assert_eq!(postcard::to_stdvec(&Papers::default()).unwrap(), [0, 0, 0]);
        let json = serde_json::to_string(&papers(0, 0)).unwrap();
        let expected =
            r#"{"roots":[],"policy":{"payloadType":"p","payload":"BwcH","signatures":[]},"yanks":[]}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Papers>("{}").unwrap(), Papers::default());
    }

    #[test]
    fn lists_are_bounded() {
        let read =
            |papers: &Papers| postcard::from_bytes::<Papers>(&postcard::to_stdvec(papers).unwrap()).is_ok();
        assert!(read(&papers(ROOT_STEPS_MAX, YANKS_MAX)));
        assert!(!read(&papers(ROOT_STEPS_MAX + 1, 0)));
        assert!(!read(&papers(0, YANKS_MAX + 1)));
    }

    #[test]
    fn parts_are_short_and_make_the_whole() {
        for bytes_max in [1, 50, 100, 1_000, 5_000, CONTROL_BYTES_MAX] {
            let whole = papers(20, 300);
            let parts = whole.split(bytes_max);
            for part in &parts {
                let documents = part.roots.len() + part.yanks.len() + usize::from(part.policy.is_some());
                assert!(part.encoded_bytes() <= bytes_max || documents == 1, "{bytes_max}");
            }
            assert_eq!(join(parts), whole);
        }
        assert_eq!(papers(20, 30).split(CONTROL_BYTES_MAX).len(), 1);
        assert_eq!(Papers::default().split(100), []);
    }
}
