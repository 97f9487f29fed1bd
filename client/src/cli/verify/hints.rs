//! What a person is told where a signature or a receipt does not fit: key ids prove nothing, but they hint at what happened.

use pollux_core::{
    CertifiedEnvelope, Disbelief, Explanation, Grant, Manifest, Papers, Policy, PoolFile, Receipt,
};

/// Says more in the words of the steps that do not hold. What is believed is not touched.
pub(super) fn add(
    explanation: &mut Explanation,
    pool: &PoolFile,
    papers: &Papers,
    certified: &CertifiedEnvelope,
) {
    let policy = papers.policy.as_ref().unwrap_or(&pool.policy).body::<Policy>().ok();
    for step in &mut explanation.steps {
        let words = match &step.why {
            Some(Disbelief::NotAPublisher) => signer(policy.as_ref(), certified),
            Some(Disbelief::NotTheGrantsKey { serial }) => granted(serial, certified),
            Some(_) if step.what == "receipts" => receipts(&step.words, certified),
            Some(_) | None => None,
        };
        if let Some(words) = words {
            step.words = words;
        }
    }
}

fn signer(policy: Option<&Policy>, certified: &CertifiedEnvelope) -> Option<String> {
    let id = key_id(certified)?;
    let publishers = &policy?.publishers;
    let Some(named) = publishers.iter().find(|publisher| publisher.key.to_string() == id) else {
        return Some(format!(
            "no publisher of the policy signed the manifest, and its key id {id:?} is no publisher's: sign it with a \
             publisher's key, or add the key that signed it to the policy"
        ));
    };
    let name = &named.name;
    Some(format!("the signature does not fit the key of the publisher {name:?}, {CHANGED}"))
}

/// After whose key does not fit.
const CHANGED: &str =
    "whose key id it has: the manifest was changed after it was signed, or the key id is wrong";

fn granted(serial: &str, certified: &CertifiedEnvelope) -> Option<String> {
    let manifest: Manifest = certified.manifest.body().ok()?;
    let grant: Grant = manifest.grant?.body().ok()?;
    let fits = key_id(certified)? == grant.key.to_string();
    fits.then(|| format!("the signature does not fit the key of the grant {serial:?}, {CHANGED}"))
}

/// Receipts name the manifest that they are for.
fn receipts(words: &str, certified: &CertifiedEnvelope) -> Option<String> {
    let id = certified.manifest.id();
    let read = certified.receipts.iter().filter_map(|receipt| receipt.body::<Receipt>().ok());
    let others = read.filter(|receipt| receipt.manifest != id).count();
    let all = certified.receipts.len();
    (others > 0).then(|| {
        format!(
            "{words}; {others} of the {all} that came with it are for another manifest, as if this one had been changed"
        )
    })
}

/// That of the one signature; where there are several, that is what is wrong.
fn key_id(certified: &CertifiedEnvelope) -> Option<&str> {
    certified.manifest.signatures.first().map(|signature| signature.keyid.as_str())
}
