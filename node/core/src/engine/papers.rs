//! How papers are judged: what they change of what is in force, and of the newer policy that has not taken over.
use crate::{Disbelief, Envelope, Papers, Policy, Timestamp, Trust};

/// What came of papers. A change of policy is only prepared: when it takes over is counted elsewhere.
#[derive(Clone, Debug)]
pub struct JudgedPapers {
    /// What is in force, with further roots or yanks; none: nothing of it changes.
    pub(crate) trust: Option<Trust>,
    /// With the newest policy, if that is not in force; none: nothing of it changes.
    pub(crate) next: Option<Trust>,
    /// What does not hold.
    pub(crate) doubts: Vec<Disbelief>,
}

impl JudgedPapers {
    /// Judges papers by what is in force, and by the newer policy that is kept if there is one. Roots and yanks that hold
    /// count at once. A policy is judged by the roots that come with it.
    pub(super) fn of(trust: &Trust, next: Option<&Trust>, papers: &Papers, wall: Timestamp) -> Self {
        let mut doubts = Vec::new();
        let newer = newer_policy(trust, next, papers, wall).unwrap_or_else(|why| {
            doubts.push(why);
            None
        });
        let rooted = further_roots(trust, papers, wall).unwrap_or_else(|why| {
            // Without its policy a root may be in vain: the one in force has expired, say.
            doubts.extend((papers.policy.is_none() && newer.is_none()).then_some(why));
            None
        });
        let known = trust.papers_digest();
        let now = rooted.unwrap_or_else(|| trust.clone()).hear(&papers.yanks, wall);
        let heard: Vec<Envelope> = next
            .into_iter()
            .flat_map(|next| next.yanks().iter())
            .map(|yank| yank.envelope().clone())
            .collect();
        let kept =
            newer.as_ref().or(next).map(|next| with_yanks(next, &now, papers, wall).hear(&heard, wall));
        doubts.extend(first_unheard(&now, kept.as_ref(), papers, wall));
        let changed = now.root().version != trust.root().version || now.papers_digest() != known;
        let fresh =
            newer.is_some() || kept.as_ref().map(Trust::papers_digest) != next.map(Trust::papers_digest);
        Self { trust: changed.then_some(now), next: kept.filter(|_| fresh), doubts }
    }
}

/// What the policy of the papers makes, if it is neither in force nor kept, and newer than both.
fn newer_policy(
    trust: &Trust,
    next: Option<&Trust>,
    papers: &Papers,
    wall: Timestamp,
) -> Result<Option<Trust>, Disbelief> {
    let Some(policy) = &papers.policy else { return Ok(None) };
    let digest = policy.digest();
    if [Some(trust), next].into_iter().flatten().any(|known| known.papers_digest().policy == digest) {
        return Ok(None);
    }
    let papers = Papers { roots: papers.roots.clone(), policy: Some(policy.clone()), yanks: Vec::new() };
    let made = trust.follow(&papers, wall)?;
    let older = next.is_some_and(|next| made.policy().version <= next.policy().version);
    Ok((!older).then_some(made))
}

fn further_roots(trust: &Trust, papers: &Papers, wall: Timestamp) -> Result<Option<Trust>, Disbelief> {
    if papers.roots.is_empty() {
        return Ok(None);
    }
    let roots = Papers { roots: papers.roots.clone(), ..Papers::default() };
    trust.follow(&roots, wall).map(Some)
}

/// Yanks count for what comes next as well, also those that only its policy's keys sign.
fn with_yanks(next: &Trust, now: &Trust, papers: &Papers, wall: Timestamp) -> Trust {
    let known: Vec<Envelope> = now.yanks().iter().map(|yank| yank.envelope().clone()).collect();
    next.clone().hear(&known, wall).hear(&papers.yanks, wall)
}

/// Why a yank that counts nowhere does not: one that nobody honest gives, if there is one.
fn first_unheard(now: &Trust, next: Option<&Trust>, papers: &Papers, wall: Timestamp) -> Option<Disbelief> {
    let heard = |yank: &&Envelope| {
        let digest = yank.digest();
        [Some(now), next].into_iter().flatten().any(|trust| trust.yanks().contains(&digest))
    };
    let unheard = papers.yanks.iter().filter(|yank| !heard(yank));
    let mut doubts: Vec<Disbelief> = unheard.filter_map(|yank| now.verify_yank(yank, wall).err()).collect();
    let worst = doubts.iter().position(|why| !may_be_honest(why)).unwrap_or(0);
    (worst < doubts.len()).then(|| doubts.swap_remove(worst))
}

/// Whether an honest seed may give what is not believed so: it goes by an older policy than this node's pool file, keeps yanks
/// that have lapsed, or has another clock.
pub(super) const fn may_be_honest(why: &Disbelief) -> bool {
    matches!(
        why,
        Disbelief::Lapsed { .. }
            | Disbelief::PolicyRolledBack { .. }
            | Disbelief::Expired { .. }
            | Disbelief::FromTheFuture { .. }
    )
}

/// The policy of papers, if it can be read; nothing about it is believed.
pub(super) fn claimed_policy(papers: &Papers) -> Option<Policy> {
    papers.policy.as_ref()?.body().ok()
}

/// What is recorded of what is in force and of what comes next.
pub(super) fn record_of(trust: &Trust, next: Option<&Trust>) -> super::Record {
    super::Record::Papers { taken: trust.papers(), next: next.map(Trust::papers) }
}
