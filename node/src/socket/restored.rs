//! What jobs of each user restored through this node, so that they can be told what of it was taken back since.

use pollux_client::protocol::{USED_MAX, USERS_REMEMBERED_MAX};
use pollux_core::Used;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The last [`USED_MAX`] manifests of each of the [`USERS_REMEMBERED_MAX`] users whose jobs were last to restore, each with
/// what yanks are judged by: the engine may have forgotten it when its yank comes. Forgotten when the node stops. Cheap to
/// clone; all share one memory.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    users: Arc<Mutex<VecDeque<User>>>,
}

#[derive(Debug)]
struct User {
    uid: u32,
    /// The last is the latest.
    used: VecDeque<Arc<Used>>,
}

impl Restored {
    fn with<R>(&self, act: impl FnOnce(&mut VecDeque<User>) -> R) -> R {
        act(&mut self.users.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A job of this user restores a manifest.
    pub(super) fn note(&self, uid: u32, used: Arc<Used>) {
        self.with(|users| {
            let known = users.iter().position(|user| user.uid == uid).and_then(|place| users.remove(place));
            let mut user = known.unwrap_or_else(|| User { uid, used: VecDeque::new() });
            user.note(used);
            users.push_back(user);
            if users.len() > USERS_REMEMBERED_MAX {
                users.pop_front();
            }
        });
    }

    /// What jobs of this user restored, the latest last.
    pub(super) fn of(&self, uid: u32) -> Vec<Arc<Used>> {
        self.with(|users| {
            let user = users.iter().find(|user| user.uid == uid);
            user.map(|user| user.used.iter().cloned().collect()).unwrap_or_default()
        })
    }
}

impl User {
    fn note(&mut self, used: Arc<Used>) {
        let manifest = used.manifest();
        // A restore asks for its chunks in many messages.
        if self.used.back().is_some_and(|last| last.manifest() == manifest) {
            return;
        }
        self.used.retain(|known| known.manifest() != manifest);
        self.used.push_back(used);
        if self.used.len() > USED_MAX {
            self.used.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::saves::Saves;
    use super::*;
    use pollux_core::ManifestId;

    fn ids(restored: &Restored, uid: u32) -> Vec<ManifestId> {
        restored.of(uid).iter().map(|used| used.manifest()).collect()
    }

    #[test]
    fn each_user_has_a_memory_of_its_own() {
        let (saves, restored) = (Saves::new(), Restored::default());
        let [one, two, three] = [1, 2, 3].map(|sequence| saves.used(sequence));
        let order = [(1, &one), (2, &two), (1, &three), (1, &one)];
        order.into_iter().for_each(|(uid, used)| restored.note(uid, Arc::clone(used)));
        assert_eq!(ids(&restored, 1), [three.manifest(), one.manifest()], "once, and the latest last");
        assert_eq!((restored.of(2).len(), restored.of(3).len()), (1, 0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (saves, restored) = (Saves::new(), Restored::default());
        let all: Vec<Arc<Used>> = (0..=USED_MAX).map(|n| saves.used(u64::try_from(n).unwrap() + 1)).collect();
        all.iter().for_each(|used| restored.note(0, Arc::clone(used)));
        assert_eq!((restored.of(0).len(), ids(&restored, 0)[0]), (USED_MAX, all[1].manifest()));
        let most = u32::try_from(USERS_REMEMBERED_MAX).unwrap();
        (1..most).for_each(|uid| restored.note(uid, Arc::clone(&all[1])));
        restored.note(0, Arc::clone(&all[1]));
        restored.note(most, Arc::clone(&all[1]));
        assert_eq!(restored.of(1), [], "who was idle longest is forgotten");
        assert_eq!((restored.of(0).len(), restored.of(most).len()), (USED_MAX, 1));
    }
}
