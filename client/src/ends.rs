//! What of a pool ends some day, and what an operator does before.
//!
//! Somebody with root keys, or with the admission key, has to be found, so everything is warned of [`WARNED_BEFORE`] it ends:
//! by `pollux status` and `pollux doctor`, and in a node's log when it starts and every day.

use crate::printable::printable;
use crate::protocol::{ENDS_MAX, Ending, PoolEnd};
use pollux_core::{Envelope, Timestamp, Token, Trust};
use std::time::Duration;

/// So long before something ends it is warned of.
pub const WARNED_BEFORE: Duration = Duration::from_secs(30 * 86_400);

/// What ends of that which a node goes by, the earliest first, at most [`ENDS_MAX`]: root, policy, publishers that end before
/// the policy and publish yet, and the node's join token, where tokens admit.
#[must_use]
pub fn ends(trust: &Trust, token: Option<&Envelope>, now: Timestamp) -> Vec<PoolEnd> {
    let (root, policy) = (trust.root(), trust.policy());
    let end = |what, name, at: Timestamp| PoolEnd { what, name, expires_ms: at.as_millis() };
    let own = [end(Ending::Root, None, root.expires), end(Ending::Policy, None, policy.expires)];
    let publishers = policy.publishers.iter().filter(|one| now < one.expires && one.expires < policy.expires);
    let publishers = publishers.map(|one| end(Ending::Publisher, Some(one.name.clone()), one.expires));
    let token = token.filter(|_| !policy.strict_admission).and_then(|envelope| envelope.body::<Token>().ok());
    let token = token.map(|token| end(Ending::Token, Some(token.serial), token.expires));
    let mut all: Vec<PoolEnd> = own.into_iter().chain(publishers).chain(token).collect();
    all.sort_by_key(|end| end.expires_ms);
    all.truncate(ENDS_MAX);
    all
}

/// What to say of something that does not last [`WARNED_BEFORE`] any more, and what to do; none: it does. Printable.
#[must_use]
pub fn warning(end: &PoolEnd, now: Timestamp) -> Option<String> {
    let expires = Timestamp::from_millis(end.expires_ms);
    let left = expires.since(now);
    if left > WARNED_BEFORE {
        return None;
    }
    let (what, renewal) = (subject(end), renewal(end));
    if left.is_zero() {
        let ago = about(now.since(expires));
        return Some(format!("{what} expired {ago} ago (or this machine's clock is wrong): {renewal}"));
    }
    Some(format!("{what} expires in {}: {renewal}", about(left)))
}

/// What ends, as people call it.
fn subject(end: &PoolEnd) -> String {
    let name = end.name.as_deref().map_or_else(String::new, |name| format!(" {}", printable(name)));
    match end.what {
        Ending::Root => "the root".to_owned(),
        Ending::Policy => "the policy".to_owned(),
        Ending::Token => format!("the join token{name}"),
        Ending::Publisher => format!("the publisher{name}"),
    }
}

fn renewal(end: &PoolEnd) -> String {
    let name = end.name.as_deref().map(printable).unwrap_or_default();
    match end.what {
        Ending::Root => "renew it with `pollux pool renew --root-days 3650 --pool pool.json --root-key root.pem --spread`".to_owned(),
        Ending::Policy => "renew it with `pollux pool renew --pool pool.json --root-key root.pem --spread`".to_owned(),
        Ending::Token => "no new node is let in with it then; `pollux pool token --pool pool.json --admission-key admission.pem` \
                          makes another, for the pool.json of images"
            .to_owned(),
        Ending::Publisher => format!(
            "let it publish longer with `pollux pool remove-publisher {name}` and `pollux pool add-publisher {name} --days DAYS`"
        ),
    }
}

/// `30 hours`, `12 days`.
fn about(span: Duration) -> String {
    let hours = span.as_secs() / 3600;
    match hours {
        0 => format!("{} minutes", span.as_secs() / 60),
        1..48 => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::testing::{NOW, Scene};
    use pollux_core::{Policy, PoolFile};

    fn end(what: Ending, hours: u64) -> PoolEnd {
        let name = matches!(what, Ending::Token | Ending::Publisher).then(|| "ga\u{202e}te".to_owned());
        PoolEnd { what, name, expires_ms: NOW.after(Duration::from_secs(hours * 3600)).as_millis() }
    }

    fn warned(what: Ending, hours: u64) -> String {
        warning(&end(what, hours), NOW).unwrap_or_default()
    }

    #[test]
    fn what_ends_within_thirty_days_is_warned_of_with_what_to_do() {
        assert_eq!(warned(Ending::Policy, 30 * 24 + 1), "");
        assert!(
            warned(Ending::Policy, 30 * 24)
                .starts_with("the policy expires in 30 days: renew it with `pollux pool renew")
        );
        assert!(
            warned(Ending::Root, 30)
                .contains("the root expires in 30 hours: renew it with `pollux pool renew --root-days")
        );
        assert!(warned(Ending::Token, 1).contains("the join token ga\\u{202e}te expires in 1 hours"));
        assert!(
            warned(Ending::Token, 1)
                .contains("`pollux pool token --pool pool.json --admission-key admission.pem`")
        );
        assert!(warned(Ending::Publisher, 50).contains("`pollux pool add-publisher ga\\u{202e}te --days"));
    }

    #[test]
    fn what_has_ended_is_told_with_how_long_ago() {
        let later = NOW.after(Duration::from_secs(3 * 86_400));
        let told = warning(&end(Ending::Token, 0), later).unwrap();
        assert!(told.contains("expired 3 days ago (or this machine's clock is wrong)"), "{told}");
    }

    #[test]
    fn what_ends_is_listed_the_earliest_first() {
        let scene = Scene::new(1);
        let open = scene.pool();
        let text = std::fs::read_to_string(open.path()).unwrap();
        let mut file = PoolFile::from_json(&text).unwrap();
        let trust = Trust::open(&file, NOW).unwrap();
        let whats = |ends: &[PoolEnd]| ends.iter().map(|end| end.what).collect::<Vec<_>>();
        let listed = ends(&trust, Some(&file.token), NOW);
        assert_eq!(whats(&listed), [Ending::Policy, Ending::Token, Ending::Root], "{listed:?}");
        assert!(listed.is_sorted_by_key(|end| end.expires_ms));
        let mut policy: Policy = file.policy.body().unwrap();
        let hour = |hours: u64| NOW.after(Duration::from_secs(hours * 3600));
        policy.publishers[0].expires = hour(2);
        policy.strict_admission = true;
        let key = scene.key("root");
        file.policy = Envelope::sign(&policy, &key);
        let trust = Trust::open(&file, NOW).unwrap();
        let listed = ends(&trust, Some(&file.token), NOW);
        assert_eq!(
            whats(&listed),
            [Ending::Publisher, Ending::Policy, Ending::Root],
            "where no token admits, none ends"
        );
        assert_eq!(
            whats(&ends(&trust, None, hour(2))),
            [Ending::Policy, Ending::Root],
            "who was retired is not warned of"
        );
    }
}
