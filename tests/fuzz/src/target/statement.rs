//! Statements that an instance hands to whoever signs. The input is the text of one.

use crate::memory::bounded;
use crate::{Verdict, sample, words};
use core::time::Duration;
use pollux_client::signing::{Refusal, Terms, judge};
use pollux_client::statement::Statement;
use pollux_core::limits::{ANCESTORS_MAX, DOCUMENT_BYTES_MAX};
use pollux_core::{Envelope, Manifest, Provenance};

/// As for envelopes.
const FACTOR: usize = 32;

/// Whether it is a statement of a manifest.
pub(crate) fn check(bytes: &[u8]) -> Verdict {
    let Ok(text) = core::str::from_utf8(bytes) else { return Verdict::Refused };
    let statement = match bounded(bytes, FACTOR, 0, || Statement::from_json(text)) {
        Ok(statement) => statement,
        Err(error) => {
            words::harmless(&error);
            return Verdict::Refused;
        }
    };
    assert_eq!(Statement::from_json(&statement.to_json()).as_ref(), Ok(&statement));
    match bounded(bytes, FACTOR, 0, || statement.manifest()) {
        Ok(manifest) => signs_its_own(&statement, &manifest),
        Err(error) => words::harmless(&error),
    }
    Verdict::Read
}

/// Terms that fit a manifest let it pass, and what is signed says of its origin what the terms say.
fn signs_its_own(statement: &Statement, manifest: &Manifest) {
    assert!(manifest.grant.is_none() && manifest.ancestors.len() <= ANCESTORS_MAX);
    let terms = Terms {
        allow: manifest.key.as_str().parse().into_iter().collect(),
        provenance: manifest.provenance.clone(),
        pool: Some(manifest.pool.clone()),
        life_max: Duration::MAX,
        grant: None,
        now: manifest.created,
    };
    match judge(statement, &terms) {
        Ok(signed) => {
            assert_eq!(&signed, manifest);
            assert!(Envelope::unsigned(&signed).payload.len() <= DOCUMENT_BYTES_MAX);
        }
        // A life of no time at all.
        Err(refusal) => assert!(matches!(refusal, Refusal::Differs { field: "expires", .. }), "{refusal}"),
    }
    let others = judge(statement, &Terms { provenance: Provenance::default(), ..terms });
    let stated = manifest.provenance != Provenance::default();
    assert!(!stated || others.is_err(), "provenance that the terms do not state");
    if let Err(refusal) = others {
        words::harmless(&refusal);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let manifests = sample::documents().into_iter().filter_map(|envelope| envelope.body::<Manifest>().ok());
    let granted = manifests.map(|manifest| Statement::new(&manifest));
    let plain = sample::documents().into_iter().filter_map(|envelope| envelope.body::<Manifest>().ok());
    let plain = plain.map(|manifest| Statement::new(&Manifest { grant: None, ..manifest }));
    granted.chain(plain).map(|statement| statement.to_json().into_bytes()).collect()
}
