//! What the running pool must hear of a pool file.

use super::OpenPool;
use super::change::ChangeError;
use pollux_core::limits::ROOT_STEPS_MAX;
use pollux_core::{Envelope, Papers, Timestamp, Trust};
use std::collections::BTreeMap;

/// The policy of a pool file, its root, and the roots of those before it, which lead there.
///
/// # Errors
/// Roots that do not follow each other, or a root or policy that has expired.
pub fn papers_of(pool: &OpenPool, formers: &[OpenPool], now: Timestamp) -> Result<Papers, ChangeError> {
    Trust::open(pool.file(), now)?;
    let all = formers.iter().chain([pool]);
    let by_version: BTreeMap<u64, &OpenPool> = all.map(|one| (one.root().version, one)).collect();
    let roots: Vec<Envelope> = by_version.values().map(|one| one.file().root.clone()).collect();
    let roots = roots.into_iter().rev().take(ROOT_STEPS_MAX).rev().collect();
    let papers = Papers { roots, policy: Some(pool.file().policy.clone()), yanks: Vec::new() };
    if let Some(first) = by_version.values().next() {
        first.trust().follow(&Papers { policy: None, ..papers.clone() }, Timestamp::default())?;
    }
    Ok(papers)
}
