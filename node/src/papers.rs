//! What everything is judged by at start: the pool file, and the papers that took over while the node ran before.
//!
//! A pool file stays as it is on the disk of an instance, while policies and yanks come later. So the store keeps what is in
//! force, and a start walks from the pool file to there.

use crate::store::KeptPapers;
use pollux_core::{Disbelief, PoolFile, Timestamp, Trust};

/// Opens the pool file, and goes on to what is kept. Papers that do not follow from this pool file are dropped, and that is
/// logged: it may be that of another pool, and seeds have whatever holds.
///
/// # Errors
/// What does not hold of the pool file; or the policy, or root, that was reached has expired: going by an older one instead
/// would let in whom a later one had put out.
pub(crate) fn open(
    pool: &PoolFile,
    kept: &mut Option<KeptPapers>,
    wall: Timestamp,
) -> Result<Trust, Disbelief> {
    let Some(papers) = kept else { return Trust::open(pool, wall) };
    match Trust::open_with(pool, &papers.taken, wall) {
        Err(why) if !matches!(why, Disbelief::Expired { .. }) => {
            let trust = Trust::open(pool, wall)?;
            tracing::warn!(
                reason = %why,
                "the policy and yanks that the store keeps do not follow from this pool file, which alone counts now"
            );
            *kept = None;
            Ok(trust)
        }
        reached => reached,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use pollux_client::pool::{self, InitRequest};
    use pollux_client::{clock, key_file};
    use pollux_core::{Envelope, Papers, Policy};

    /// A pool file, and its policy one version later, which expires so many days from now.
    fn pool(days: u64) -> (PoolFile, Option<KeptPapers>) {
        let directory = tempfile::tempdir().unwrap();
        let request = InitRequest {
            policy_days: 10,
            ..InitRequest::new(directory.path().join("pool"), vec!["127.0.0.1:1".to_owned()], clock::now())
        };
        pool::init(&request).unwrap();
        let text = std::fs::read_to_string(request.directory.join("pool.json")).unwrap();
        let file = PoolFile::from_json(&text).unwrap();
        let root = key_file::read(&request.directory.join("root.pem")).unwrap();
        let mut policy: Policy = file.policy.body().unwrap();
        policy.version += 1;
        policy.expires = after(days);
        let taken = Papers { policy: Some(Envelope::sign(&policy, &root)), ..Papers::default() };
        (file, Some(KeptPapers { next: Some(taken.clone()), taken }))
    }

    fn after(days: u64) -> Timestamp {
        clock::now().after(Duration::from_secs(days * 86_400))
    }

    #[test]
    fn what_took_over_counts_after_a_restart() {
        let (file, mut kept) = pool(20);
        assert_eq!(open(&file, &mut None, after(0)).unwrap().policy().version, 1);
        assert_eq!(open(&file, &mut kept, after(0)).unwrap().policy().version, 2);
        assert!(open(&file, &mut kept, after(11)).is_ok(), "the pool file's own expired on the way");
        assert!(kept.is_some());
    }

    #[test]
    fn papers_of_another_pool_are_dropped() {
        let ((file, _), (_, mut kept)) = (pool(20), pool(20));
        assert_eq!(open(&file, &mut kept, after(0)).unwrap().policy().version, 1);
        assert_eq!(kept, None, "with the policy that was to come");
        assert!(open(&file, &mut pool(20).1, after(11)).is_err(), "the pool file alone has expired");
    }

    #[test]
    fn nobody_goes_back_behind_an_expired_policy() {
        let (file, mut kept) = pool(5);
        let refused = open(&file, &mut kept, after(6)).unwrap_err();
        assert!(refused.to_string().contains("renew it"), "{refused}");
        assert!(open(&file, &mut None, after(6)).is_ok(), "which would do without papers");
    }
}
