//! Bodies of documents. The input is one body, which is read as every type of document.

use crate::memory::bounded;
use crate::{Verdict, sample, words};
use core::fmt::Debug;
use pollux_core::{
    Document, Envelope, FreshnessAnswer, Grant, Manifest, Membership, Policy, Receipt, RelayedAnswer, Root,
    Token, Yank,
};

/// Bytes that a byte of JSON may become: an element of a list is 2 bytes there and 24 here, and lists grow by doubling.
const FACTOR: usize = 32;

/// Whether any type of document takes the body.
pub(crate) fn check(body: &[u8]) -> Verdict {
    let verdicts = [
        read::<Root>(body, |_| {}),
        read::<Policy>(body, quorums_meet),
        read::<Manifest>(body, counts_fit),
        read::<Receipt>(body, |_| {}),
        read::<FreshnessAnswer>(body, |answer| {
            let query = &answer.query;
            assert!(answer.candidates.iter().all(|candidate| query.matched(&candidate.key).is_some()));
        }),
        read::<RelayedAnswer>(body, |_| {}),
        read::<Token>(body, |_| {}),
        read::<Membership>(body, |_| {}),
        read::<Grant>(body, |_| {}),
        read::<Yank>(body, |_| {}),
    ];
    if verdicts.contains(&Verdict::Read) { Verdict::Read } else { Verdict::Refused }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    sample::documents().into_iter().map(|envelope| envelope.payload).collect()
}

/// What is read is written, and read the same again; then `holds` looks at it.
fn read<D: Document + PartialEq + Debug>(body: &[u8], holds: impl FnOnce(&D)) -> Verdict {
    let envelope =
        Envelope { payload_type: D::TYPE.to_owned(), payload: body.to_vec(), signatures: Vec::new() };
    let document = match bounded(body, FACTOR, 0, || envelope.body::<D>()) {
        Ok(document) => document,
        Err(error) => {
            words::harmless(&error);
            return Verdict::Refused;
        }
    };
    assert_eq!(document.check(), Ok(()), "what was read holds");
    let again = Envelope::unsigned(&document);
    assert_eq!(again.body::<D>().as_ref(), Ok(&document));
    holds(&document);
    Verdict::Read
}

fn quorums_meet(policy: &Policy) {
    let seeds = u64::try_from(policy.seeds.len()).unwrap_or(u64::MAX);
    let (write, read, faulty) = (u64::from(policy.write), u64::from(policy.read), u64::from(policy.faulty));
    assert!(read + write > seeds + faulty && 2 * write > seeds + faulty, "quorums that do not meet");
    assert!(read + faulty <= seeds && write + faulty <= seeds, "quorums that wait for liars");
    let metadata = [169, 254, 169, 254].into();
    let named = policy.networks.iter().any(|network| network.cidr.to_string() == "169.254.169.254/32");
    let seed =
        policy.seeds.iter().flat_map(|seed| &seed.addresses).any(|at| at.starts_with("169.254.169.254:"));
    let mapped = policy.seeds.iter().flat_map(|seed| &seed.addresses).any(|at| at.starts_with('['));
    assert!(named || seed || mapped || !policy.may_dial(&metadata), "the metadata service may be dialled");
}

fn counts_fit(manifest: &Manifest) {
    let own = u64::try_from(manifest.tree.chunks.len()).unwrap_or(u64::MAX);
    let all = u64::from(manifest.chunk_count());
    assert_eq!(all, own + u64::from(manifest.tree.totals.chunks), "chunks are numbered from one count");
}
