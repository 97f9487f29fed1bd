//! Pool files that somebody put together of those of two pools.

use pollux_core::{Disbelief, Paper};
use serde::de::IgnoredAny;

/// Whether two files were written one after the other.
#[must_use]
pub fn holds_several(text: &str) -> bool {
    let objects = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    objects.take_while(Result::is_ok).take(2).count() > 1
}

/// Whether a pool file that is not believed for this has papers of two pools: a paper names another one than the root, or,
/// since pools may share a name, no key of the root signed the policy.
#[must_use]
pub const fn is_of_two_pools(why: &Disbelief) -> bool {
    matches!(
        why,
        Disbelief::OtherPool { .. } | Disbelief::TooFewRootKeys { what: Paper::Policy, have: 0, .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::testing::{NOW, Scene};
    use pollux_core::{PoolFile, Trust};

    fn file() -> PoolFile {
        PoolFile::from_json(&std::fs::read_to_string(Scene::new(1).pool().path()).unwrap()).unwrap()
    }

    #[test]
    fn one_file_after_another_is_two() {
        let text = file().to_json();
        assert!(!holds_several(&text) && !holds_several("") && !holds_several("{"));
        assert!(holds_several(&format!("{text}{text}")) && holds_several("{}{}"));
        assert!(!holds_several(&format!("{text}}}")), "what follows is no object");
    }

    #[test]
    fn papers_of_two_pools_of_one_name_are_told() {
        let (mut one, other) = (file(), file());
        assert!(Trust::open(&one, NOW).is_ok());
        one.policy = other.policy;
        assert!(is_of_two_pools(&Trust::open(&one, NOW).unwrap_err()));
        let late = NOW.after(std::time::Duration::from_secs(400 * 86_400));
        assert!(!is_of_two_pools(&Trust::open(&file(), late).unwrap_err()), "that has expired");
    }
}
