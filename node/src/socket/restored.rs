//! What jobs of each user restored through this node, so that they can be told what of it was taken back since.

use pollux_client::protocol::{USED_MAX, USERS_REMEMBERED_MAX};
use pollux_core::{Key, ManifestId};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The last [`USED_MAX`] manifests of each of the [`USERS_REMEMBERED_MAX`] users whose jobs were last to restore. Forgotten
/// when the node stops. Cheap to clone; all share one memory.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    users: Arc<Mutex<VecDeque<User>>>,
}

#[derive(Debug)]
struct User {
    uid: u32,
    /// The last is the latest.
    manifests: VecDeque<(ManifestId, Key)>,
}

impl Restored {
    fn with<R>(&self, act: impl FnOnce(&mut VecDeque<User>) -> R) -> R {
        act(&mut self.users.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A job of this user restores a manifest.
    pub(super) fn note(&self, uid: u32, manifest: ManifestId, key: &Key) {
        self.with(|users| {
            let known = users.iter().position(|user| user.uid == uid).and_then(|place| users.remove(place));
            let mut user = known.unwrap_or_else(|| User { uid, manifests: VecDeque::new() });
            user.note(manifest, key);
            users.push_back(user);
            if users.len() > USERS_REMEMBERED_MAX {
                users.pop_front();
            }
        });
    }

    /// What jobs of this user restored, the latest last.
    pub(super) fn of(&self, uid: u32) -> Vec<(ManifestId, Key)> {
        self.with(|users| {
            let user = users.iter().find(|user| user.uid == uid);
            user.map(|user| user.manifests.iter().cloned().collect()).unwrap_or_default()
        })
    }
}

impl User {
    fn note(&mut self, manifest: ManifestId, key: &Key) {
        // A restore asks for its chunks in many messages.
        if self.manifests.back().is_some_and(|(last, _)| *last == manifest) {
            return;
        }
        self.manifests.retain(|(known, _)| *known != manifest);
        self.manifests.push_back((manifest, key.clone()));
        if self.manifests.len() > USED_MAX {
            self.manifests.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ManifestId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
        ManifestId::from_bytes(bytes)
    }

    fn key() -> Key {
        "a/b".parse().unwrap()
    }

    #[test]
    fn each_user_has_a_memory_of_its_own() {
        let restored = Restored::default();
        restored.note(1, id(1), &key());
        restored.note(2, id(2), &key());
        restored.note(1, id(3), &key());
        restored.note(1, id(1), &key());
        assert_eq!(restored.of(1), [(id(3), key()), (id(1), key())], "once, and the latest last");
        assert_eq!((restored.of(2).len(), restored.of(3).len()), (1, 0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let restored = Restored::default();
        (0..=USED_MAX).for_each(|number| restored.note(0, id(number), &key()));
        assert_eq!((restored.of(0).len(), restored.of(0)[0].0), (USED_MAX, id(1)));
        let most = u32::try_from(USERS_REMEMBERED_MAX).unwrap();
        (1..most).for_each(|uid| restored.note(uid, id(1), &key()));
        restored.note(0, id(1), &key());
        restored.note(most, id(1), &key());
        assert_eq!(restored.of(1), [], "who was idle longest is forgotten");
        assert_eq!((restored.of(0).len(), restored.of(most).len()), (USED_MAX, 1));
    }
}
