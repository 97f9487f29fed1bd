//! Whether what an operator hands to the running pool is of that pool, and newer.
//!
//! The seeds judge it, too, but one by one and in their own words, and whoever runs a newer policy answers that it holds
//! it. So what the node goes by is looked at first. It is the word of a node and decides nothing that the seeds do not.

use super::OpenPool;
use pollux_core::{DocumentError, Envelope, Papers, Policy, PublicKey, Root};

/// Why a pool file is not handed to the pool of a node.
#[derive(Debug, thiserror::Error)]
pub enum SpreadError {
    /// The node is in another pool.
    #[error("this pool file is that of the pool {ours}, and the node is a member of the pool {theirs}")]
    OtherPool {
        /// The pool file's.
        ours: String,
        /// The node's.
        theirs: String,
    },
    /// The name is the same, the root keys are others.
    #[error(
        "the node goes by a policy that no root key of this pool file has signed: its pool is another one of the same \
         name, or the root was changed since"
    )]
    OtherRoot,
    /// It is newer there.
    #[error("policy {ours} of this pool file is older than policy {theirs}, which the pool goes by")]
    Older {
        /// The pool file's version.
        ours: u64,
        /// The node's.
        theirs: u64,
    },
    /// Two were made from one.
    #[error(
        "the pool goes by another policy {0} than that of this pool file: both were made from the one before, and only \
         one can count"
    )]
    Forked(u64),
    /// The node answered with no policy.
    #[error("what the node says that it goes by does not parse: {0}")]
    Unreadable(#[from] DocumentError),
}

/// Holds a pool file, and those before it, against what a node goes by.
///
/// # Errors
/// A pool of another name or other root keys, or a policy that is not newer than the node's and not the same.
pub fn check_spread(pool: &OpenPool, formers: &[OpenPool], node: &Papers) -> Result<(), SpreadError> {
    // A node that goes by no policy has nothing to compare.
    let Some(envelope) = &node.policy else { return Ok(()) };
    let theirs: Policy = envelope.body()?;
    let ours = pool.policy();
    if theirs.pool != ours.pool {
        return Err(SpreadError::OtherPool { ours: ours.pool.clone(), theirs: theirs.pool });
    }
    let keys = keys_of(pool, formers, node);
    if envelope.signers(&keys).is_empty() {
        return Err(SpreadError::OtherRoot);
    }
    if theirs.version > ours.version {
        return Err(SpreadError::Older { ours: ours.version, theirs: theirs.version });
    }
    if theirs.version == ours.version && envelope.digest() != pool.file().policy.digest() {
        return Err(SpreadError::Forked(ours.version));
    }
    Ok(())
}

/// Root keys of the pool file's history: those that it and its formers name, those that signed its root (the keys before
/// a rotation among them), and those of roots of the node that one of these has signed.
fn keys_of(pool: &OpenPool, formers: &[OpenPool], node: &Papers) -> Vec<PublicKey> {
    let mut keys = Vec::new();
    for one in formers.iter().chain([pool]) {
        keys.extend(&one.root().keys);
        keys.extend(signers_named(&one.file().root));
    }
    for envelope in &node.roots {
        let follows = !envelope.signers(&keys).is_empty();
        if let (true, Ok(root)) = (follows, envelope.body::<Root>()) {
            keys.extend(root.keys);
        }
    }
    keys
}

/// Who says that they signed it, and did.
fn signers_named(envelope: &Envelope) -> Vec<PublicKey> {
    let named = envelope.signatures.iter().filter_map(|entry| entry.keyid.parse().ok());
    let named: Vec<PublicKey> = named.collect();
    envelope.signers(&named).into_iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, Scene, pair};
    use super::super::{Change, Rotation, renew, rotate};
    use super::*;
    use std::time::Duration;

    /// The pool file with its policy renewed by so many seconds.
    fn renewed(scene: &Scene, seconds: u64) -> OpenPool {
        let pool = scene.pool();
        let expires = pool.policy().expires.after(Duration::from_secs(seconds));
        scene.apply(Change::of_policy(&pool, renew(pool.policy(), expires)).unwrap())
    }

    fn goes_by(pool: &OpenPool) -> Papers {
        Papers { policy: Some(pool.file().policy.clone()), ..Papers::default() }
    }

    #[test]
    fn what_is_newer_or_the_same_is_handed_over() {
        let scene = Scene::new(1);
        let first = scene.pool();
        let second = renewed(&scene, 1);
        for node in [goes_by(&first), goes_by(&second), Papers::default()] {
            assert!(check_spread(&second, &[], &node).is_ok());
        }
    }

    #[test]
    fn what_is_older_is_not() {
        let scene = Scene::new(1);
        let first = scene.pool();
        let second = renewed(&scene, 1);
        let why = check_spread(&first, &[], &goes_by(&second)).unwrap_err();
        assert_eq!(
            why.to_string(),
            "policy 1 of this pool file is older than policy 2, which the pool goes by"
        );
        scene.put(first.file());
        let other = renewed(&scene, 2);
        assert!(matches!(check_spread(&other, &[], &goes_by(&second)), Err(SpreadError::Forked(2))));
    }

    #[test]
    fn what_is_of_another_pool_is_not() {
        let (scene, other) = (Scene::new(1), Scene::new(1));
        let pool = scene.pool();
        let node = goes_by(&other.pool());
        assert!(matches!(check_spread(&pool, &[], &node), Err(SpreadError::OtherRoot)));
        let policy = Policy { pool: "staging".to_owned(), ..pool.policy().clone() };
        let policy = Some(Envelope::sign(&policy, &scene.key("root")));
        let why = check_spread(&pool, &[], &Papers { policy, ..Papers::default() }).unwrap_err();
        assert!(why.to_string().ends_with("the node is a member of the pool staging"), "{why}");
        let policy = Some(Envelope { payload: b"{}".to_vec(), ..pool.file().policy.clone() });
        let nonsense = check_spread(&pool, &[], &Papers { policy, ..Papers::default() });
        assert!(matches!(nonsense, Err(SpreadError::Unreadable(_))));
    }

    #[test]
    fn a_root_that_was_rotated_is_the_same_pools() {
        let scene = Scene::new(1);
        let first = scene.pool();
        let mut latest = first.clone();
        let mut files = vec![first];
        for byte in [1, 2] {
            let keys = vec![pair(byte).public()];
            let rotation =
                Rotation { keys, threshold: Some(1), expires: NOW.after(Duration::from_secs(9_000_000)) };
            let mut change = rotate(&latest, rotation, latest.policy().clone()).unwrap();
            let former = if byte == 1 { scene.key("root") } else { pair(1) };
            for key in [former, pair(byte)] {
                change.sign(&latest, &key).unwrap();
            }
            latest = scene.put(&change.finish(&latest, NOW).unwrap());
            files.push(latest.clone());
        }
        let [first, second, third] = &files[..] else { panic!("three") };
        assert!(check_spread(second, &[], &goes_by(first)).is_ok());
        assert!(matches!(check_spread(third, &[], &goes_by(first)), Err(SpreadError::OtherRoot)), "a gap");
        assert!(check_spread(third, std::slice::from_ref(second), &goes_by(first)).is_ok());
        let roots = vec![second.file().root.clone(), third.file().root.clone()];
        let node = Papers { roots, ..goes_by(third) };
        assert!(matches!(check_spread(first, &[], &node), Err(SpreadError::Older { ours: 1, theirs: 3 })));
    }
}
