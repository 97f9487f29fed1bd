//! What a trace says of an input.

use super::fact::Fact;
use pollux_core::engine::{AskId, Credit, Input, JobRequest};
use pollux_core::{ChunkId, PeerId};

impl Fact<'_> {
    /// One chunk that is asked for.
    pub(crate) fn asked(ask: AskId, peer: PeerId, chunk: ChunkId) -> Self {
        Self::new("< asked").subject(ask.0).peer(peer).chunk(chunk)
    }

    pub(crate) fn of_input(input: &Input) -> Self {
        match input {
            Input::Timeout => Self::new("< timeout"),
            Input::Credit(credit) => credited(credit),
            Input::Recovered(_) => Self::new("< recovered"),
            Input::RecoveredVote { .. } => Self::new("< recovered-vote"),
            Input::RecoveredBallot(_) => Self::new("< recovered-ballot"),
            Input::RecoveredSeen { seed, .. } => Self::new("< recovered-seen").peer(*seed),
            Input::RecoveredShare(_) => Self::new("< recovered-share"),
            Input::RecoveredPapers(_) => Self::new("< recovered-papers"),
            Input::RecoveredUse { .. } => Self::new("< recovered-use"),
            Input::Evicted { .. } => Self::new("< evicted"),
            Input::Room { .. } => Self::new("< room"),
            Input::Tidy => Self::new("< tidy"),
            Input::Stopping => Self::new("< stopping"),
            Input::Marked { epoch } => Self::new("< marked").subject(*epoch),
            Input::Admitted { .. } => Self::new("< admitted"),
            Input::Connected { peer, dialled, .. } => {
                Self::new("< connected").peer(*peer).outcome(if *dialled { "dialled" } else { "accepted" })
            }
            Input::Disconnected { peer } => Self::new("< disconnected").peer(*peer),
            Input::DialFailed { peer } => Self::new("< dial-failed").peer(*peer),
            // The bytes stand where it was sent.
            Input::Message { peer, message } => {
                Self::new("< message").peer(*peer).outcome(super::outputs::name(message))
            }
            Input::Misbehaved { peer, .. } => Self::new("< misbehaved").peer(*peer),
            Input::FrameArrived { fetch, bytes } => Self::new("< frame").subject(fetch.0).amount(*bytes),
            Input::FetchFailed { fetch, .. } => Self::new("< fetch-failed").subject(fetch.0),
            Input::Checked { fetch, result } => {
                Self::new("< checked").subject(fetch.0).outcome(ended(result))
            }
            Input::Kept { fetch, result } => Self::new("< kept").subject(fetch.0).outcome(ended(result)),
            Input::Asked { peer, chunks } => Self::new("< asked").peer(*peer).amount(chunks.len()),
            Input::TakenBack { peer, ask } => Self::new("< taken-back").peer(*peer).subject(ask.0),
            Input::Served { ask, result } => Self::new("< served").subject(ask.0).outcome(ended(result)),
            Input::ChunkLost { chunk } => Self::new("< lost").chunk(*chunk),
            Input::Job { job, request } => Self::new(requested(request)).subject(job.0),
            Input::JobLeft { job } => Self::new("< job-left").subject(job.0),
            Input::Verified { task, .. } => Self::new("< verified").subject(task.0),
            Input::Signed { task, .. } => Self::new("< signed").subject(task.0),
            Input::Recorded { task, result } => {
                Self::new("< recorded").subject(task.0).outcome(ended(result))
            }
            Input::Synced { task, result } => Self::new("< synced").subject(task.0).outcome(ended(result)),
            Input::Looked { task, held } => {
                let count = held.iter().filter(|held| **held).count();
                Self::new("< looked").subject(task.0).amount(count)
            }
            Input::LogRead { task, page } => Self::new("< log-read").subject(task.0).amount(page.lines.len()),
            Input::TreeOpened { task, result } => {
                Self::new("< tree-opened").subject(task.0).outcome(ended(result))
            }
        }
    }
}

const fn ended<T, E>(result: &Result<T, E>) -> &'static str {
    if result.is_ok() { "ok" } else { "failed" }
}

fn credited(credit: &Credit) -> Fact<'static> {
    match credit {
        Credit::Send { peer, messages } => Fact::new("< credit-send").peer(*peer).amount(*messages),
        Credit::Checks(count) => Fact::new("< credit-checks").amount(*count),
        Credit::Writes(count) => Fact::new("< credit-writes").amount(*count),
        Credit::Reads(count) => Fact::new("< credit-reads").amount(*count),
        Credit::Deliver { job, bytes } => Fact::new("< credit-deliver").subject(job.0).amount(*bytes),
    }
}

const fn requested(request: &JobRequest) -> &'static str {
    match request {
        JobRequest::Resolve { .. } => "< job-resolves",
        JobRequest::Fetch { .. } => "< job-fetches",
        JobRequest::Publish { .. } => "< job-publishes",
        JobRequest::List { .. } => "< job-lists",
        JobRequest::Spread { .. } => "< job-spreads",
        JobRequest::Log { .. } => "< job-reads-log",
    }
}
