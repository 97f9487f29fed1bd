//! The whole judgement of a manifest, step by step, for people. It asks what [`Trust`] asks, and goes on after a step that
//! does not hold wherever the next can still be asked, so that a person sees all that is wrong at once.
use super::certificate::{Certificate, Claim};
use super::chain::{Chain, next_root, pinned_root, signed_policy};
use super::disbelief::span;
use super::manifest::{Judged, Signer};
use super::trust::{not_expired, read};
use super::{CertifiedEnvelope, Disbelief, Floors, Paper, Trust};
use crate::limits::{CLOCK_SKEW_MAX, ROOT_STEPS_MAX};
use crate::{Envelope, Manifest, Papers, PeerId, Policy, PoolFile, Receipt, Root, Timestamp};
use core::fmt;

/// One thing that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was asked, as a short noun: `root`, `newer policy`, `receipts`.
    pub what: &'static str,
    /// Why it does not hold; `None` where it does.
    pub why: Option<Disbelief>,
    /// What was found, with figures; where it does not hold that is [`Self::why`] in words.
    pub words: String,
}

/// All that was asked of a manifest, in order. As text: a line for each step, `ok` or `NO` before it, then the
/// conclusion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The steps. What could not be asked because of an earlier one is missing.
    pub steps: Vec<Step>,
    /// Whether all were asked and held: exactly then [`Trust::certify`] believes the manifest.
    pub believed: bool,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Step { what, why, words } in &self.steps {
            let mark = if why.is_none() { "ok" } else { "NO" };
            writeln!(f, "{mark}  {what}: {words}")?;
        }
        f.write_str(if self.believed { "The manifest is believed." } else { "The manifest is not believed." })
    }
}

/// Judges a manifest from nothing: the pool file, the `papers` that are known beside it, then the manifest with its
/// receipts, all at `wall`. Launch floors are a node's own matter and not asked.
#[must_use]
pub fn explain(
    pool: &PoolFile,
    papers: &Papers,
    certified: &CertifiedEnvelope,
    wall: Timestamp,
) -> Explanation {
    let mut walk = Walk { steps: Vec::new(), wall };
    let finished = walk.trust(pool, papers).and_then(|trust| walk.manifest(&trust, certified)).is_some();
    let believed = finished && walk.steps.iter().all(|step| step.why.is_none());
    Explanation { steps: walk.steps, believed }
}

/// The steps so far. Methods return nothing where the judgement cannot go on.
struct Walk {
    steps: Vec<Step>,
    wall: Timestamp,
}

impl Walk {
    /// Notes a step, and hands on what it found.
    fn step<T>(
        &mut self,
        what: &'static str,
        found: Result<T, Disbelief>,
        words: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let (why, words) = match &found {
            Ok(found) => (None, words(found)),
            Err(why) => (Some(why.clone()), why.to_string()),
        };
        self.steps.push(Step { what, why, words });
        found.ok()
    }

    fn trust(&mut self, pool: &PoolFile, papers: &Papers) -> Option<Trust> {
        let mut chain = self.pinned(pool)?;
        for envelope in papers.roots.iter().take(ROOT_STEPS_MAX) {
            let root = next_root(envelope, &chain.root);
            if let Ok(None) = root {
                continue;
            }
            let words = |root: &Option<Root>| root.as_ref().map_or_else(String::new, about_root);
            chain.root = self.step("next root", root, words)??;
            chain.steps.push(envelope.clone());
        }
        self.lives("root's life", Paper::Root, chain.root.expires);
        if let Some(newer) = &papers.policy {
            self.newer_policy(&mut chain, newer)?;
        }
        self.lives("policy's life", Paper::Policy, chain.policy.expires);
        let trust = Trust::of(chain, Floors::default());
        Some(self.yanks(trust, &papers.yanks))
    }

    fn pinned(&mut self, pool: &PoolFile) -> Option<Chain> {
        let root = self.step("root", pinned_root(&pool.root), about_root)?;
        let policy = signed_policy(&pool.policy, &root);
        let policy = self.step("policy", policy, about_policy)?;
        Some(Chain { root, steps: Vec::new(), policy, policy_envelope: pool.policy.clone() })
    }

    fn newer_policy(&mut self, chain: &mut Chain, envelope: &Envelope) -> Option<()> {
        let before = chain.policy.version;
        let renewed = match chain.renew(envelope) {
            Err(Disbelief::PolicyRolledBack { .. }) => return Some(()),
            Ok(()) if chain.policy.version == before => return Some(()),
            other => other,
        };
        self.step("newer policy", renewed, |()| about_policy(&chain.policy))
    }

    /// Notes whether something has expired. The walk goes on in any case.
    fn lives(&mut self, what: &'static str, paper: Paper, expires: Timestamp) {
        let left = span(expires.since(self.wall));
        let lives = not_expired(paper, expires, self.wall);
        self.step(what, lives, |()| format!("it ends in {left}, at {expires}"));
    }

    fn yanks(&mut self, trust: Trust, yanks: &[Envelope]) -> Trust {
        let trust = trust.hear(yanks, self.wall);
        let (good, all) = (trust.yanks().len(), yanks.len());
        let words = |(): &()| format!("{good} of {all} that are known hold; the others are ignored");
        self.step("yanks", Ok(()), words);
        trust
    }

    fn manifest(&mut self, trust: &Trust, certified: &CertifiedEnvelope) -> Option<()> {
        let envelope = &certified.manifest;
        let about = |manifest: &Manifest| about_manifest(envelope, manifest);
        let manifest: Manifest = self.step("manifest", read(envelope, Paper::Manifest), about)?;
        let pool = trust.same_pool(Paper::Manifest, &manifest.pool);
        self.step("pool", pool, |()| format!("it belongs to {:?}", manifest.pool));
        let published = self.receipts(trust, certified, &manifest);
        let at = Judged { published: published.unwrap_or(self.wall), wall: self.wall };
        let signer = self.signer(trust, (envelope, &manifest), at);
        self.bounds(trust, &manifest, at);
        let verified = signer?.vouches(envelope, manifest);
        let free = trust.not_yanked(&verified, at.published, self.wall);
        self.step("not taken back", free, |()| "no yank takes it or what it was made from".to_owned())
    }

    fn receipts(
        &mut self,
        trust: &Trust,
        certified: &CertifiedEnvelope,
        manifest: &Manifest,
    ) -> Option<Timestamp> {
        let id = certified.manifest.id();
        let claim = Claim { manifest: id, key: &manifest.key, sequence: manifest.sequence };
        let found = trust.certificate(&certified.receipts, claim);
        let wall = self.wall;
        let words =
            |certificate: &Certificate| about_receipts(certificate, trust) + &ahead(certificate.median, wall);
        let certificate = self.step("receipts", found, words)?;
        Some(certificate.median)
    }

    fn signer(
        &mut self,
        trust: &Trust,
        (envelope, manifest): (&Envelope, &Manifest),
        at: Judged,
    ) -> Option<Signer> {
        let signer = trust.signer(envelope, manifest, at.published);
        self.step("signer", signer, |signer| about_signer(signer, manifest))
    }

    fn bounds(&mut self, trust: &Trust, manifest: &Manifest, at: Judged) {
        let left = span(manifest.expires.since(self.wall));
        let words =
            |(): &()| format!("made {}, it ends in {left}, at {}", manifest.created, manifest.expires);
        self.step("manifest's life", trust.times(manifest, at), words);
        let (generation, most) = (manifest.generation, trust.policy().generations_max);
        let words = |(): &()| format!("{generation} of at most {most}");
        self.step("generation", trust.generations(manifest), words);
    }
}

fn about_root(root: &Root) -> String {
    let Root { pool, version, keys, threshold, .. } = root;
    format!("{version} of the pool {pool:?}, signed by {threshold} of its {} keys, as it must be", keys.len())
}

fn about_policy(policy: &Policy) -> String {
    let Policy { version, seeds, write, read, faulty, .. } = policy;
    let seeds = seeds.len();
    format!(
        "{version}, signed by enough root keys: {seeds} seeds, of which {write} make a certificate, {read} an answer and {faulty} may lie"
    )
}

fn about_manifest(envelope: &Envelope, manifest: &Manifest) -> String {
    let Manifest { key, sequence, .. } = manifest;
    format!("{} says what {key} means, sequence {sequence}", envelope.id().short())
}

fn about_receipts(certificate: &Certificate, trust: &Trust) -> String {
    let seeds = certificate.receipts.iter().filter_map(|receipt| receipt.body::<Receipt>().ok());
    let names: Vec<String> = seeds.map(|receipt| short(receipt.seed)).collect();
    let (need, median) = (trust.policy().write, certificate.median);
    format!("of {} seeds, {need} needed ({}); taken at {median}", names.len(), names.join(", "))
}

fn about_signer(signer: &Signer, manifest: &Manifest) -> String {
    let Signer { name, key, grant } = signer;
    let (key, may) = (key.short(), &manifest.key);
    let Some(verified) = grant else {
        return format!("the publisher {name:?} ({key}…), who may publish {may}");
    };
    let (issuer, grant) = (verified.issuer().short(), verified.grant());
    let life = span(grant.expires.since(grant.not_before));
    format!(
        "the key {key}… of the grant {name:?}, which the issuer {issuer}… gave for {life} from {} and which covers {may}",
        grant.not_before
    )
}

/// What is added where something was done later than this machine's clock says it is now: nobody is refused for that, and a
/// slow clock makes whatever has expired look alive.
fn ahead(then: Timestamp, wall: Timestamp) -> String {
    let ahead = then.since(wall);
    if ahead <= CLOCK_SKEW_MAX {
        return String::new();
    }
    format!(", which is {} from now: this machine's clock is slow, unless theirs are fast", span(ahead))
}

/// The end of a peer id, which tells it from others.
fn short(peer: PeerId) -> String {
    let text = peer.to_string();
    format!("…{}", text.get(text.len().saturating_sub(6)..).unwrap_or_default())
}
