//! What transfer allows itself, each with its reason. Bounds that other parts share stand in the crate's limits table.

use core::time::Duration;

/// Chunks that a wanter takes at random before it prefers rare ones: a newcomer soon has something that others lack.
pub(super) const RANDOM_FIRST: u32 = 4;
/// Random places from which candidates are taken, the rarest of which is asked for: near enough to the rarest of all, at a
/// bounded price.
pub(super) const SAMPLE_RUNS: usize = 8;
/// Candidates from each place.
pub(super) const SAMPLE_RUN: usize = 4;
/// Entries of a list of chunks without an index that are looked at for one peer: a job that asks for nonsense holds up
/// only itself.
pub(super) const LOOSE_WINDOW: usize = 64;
/// Copies of one chunk under way at most: a second hedges a straggler, a third would only be waste.
pub(super) const COPIES_MAX: usize = 2;
/// Chunks asked of a new peer at once: enough to hide a round trip at 1 Gbit/s.
pub(super) const WINDOW_START: u32 = 4;
/// The same for a seed: everybody asks it first, so a crowd begins with this many chunks for each node.
pub(super) const WINDOW_START_SEED: u32 = 2;
/// A pipeline is as long as empties within this time: it hides any round trip, and a longer queue adds only waiting, and
/// requests that are out of date when their turn comes.
pub(super) const PIPELINE_TIME_MAX: Duration = Duration::from_millis(100);
/// A pipeline is filled again when this part of it is empty: one request asks for that at once, and the rest hides the time
/// until it is served.
pub(super) const REFILL_PART: u32 = 4;
/// The buffers of a wanter are filled again when this part of them is free, for the same reason.
pub(super) const REFILL_SHARE: usize = 12;
/// One request asks for no more than this part of what is left to be asked for: at the end all who have it give a little.
pub(super) const REQUEST_PART: u32 = 16;
/// Holders of two neighbours may differ by this part of them (or by one), so that they are asked for together: what is rare
/// must not wait behind what is not.
pub(super) const ALIKE_PART: u16 = 8;
/// The shortest pipeline of a peer that answers: one chunk travels while the next is read.
pub(super) const WINDOW_LEAST: u32 = 2;
/// The same for a seed: when a crowd asks it, each node waits long, and may hear of a peer that has the chunk meanwhile.
pub(super) const WINDOW_LEAST_SEED: u32 = 1;
/// A chunk with so many holders is a crowd's, and not asked of a seed,
pub(super) const CROWD_HOLDERS: u16 = 4;
/// unless fewer fetches than this are under way for who wants it: nobody waits for the sake of a seed.
pub(super) const SEEDS_HELP_BELOW: usize = 4;
/// A seed that has others to give to declines a chunk for this long after it gave it: whoever got it gives it on. Most hear
/// of that within a few hundredths of a second.
pub(super) const SPARE_TIME: Duration = Duration::from_secs(1);
/// After so many such refusals in a row a peer is given what it asks for: it may not know who has it.
pub(super) const SPARED_IN_A_ROW_MAX: u32 = 3;
/// Bytes that a requester may be given ahead of an even part, while others wait: sixty-four of the largest requests. An honest
/// one is ahead by a few, for its pipeline is longer where it is quicker; only one that takes all it can, while others take
/// little, comes so far.
pub(super) const PACE_BYTES: u64 = 64 * 1024 * 1024;
/// Chunks that wait to be given, in all, of which each requester has an even part: half a gigabyte, four seconds of a fast
/// link. A longer queue would be out of date when its turn comes.
pub(super) const ASKS_IN_ALL: usize = 2_048;
/// But each has as many places as a newcomer asks a seed for: nobody is declined before it was given anything.
pub(super) const ASKS_LEAST: usize = 2;
/// Chunks that a seed remembers to have given; more than it gives in that time.
pub(super) const SPARED_MAX: usize = 16_384;
/// A seed is asked for the next part when fewer chunks of the last one than this are left to be asked for. What is under way of
/// it hides the time until the answer is here, and what is named early to one that is busy comes late to all.
pub(super) const PART_ASK_BELOW: u32 = 1;
/// And not sooner than this after the last time: a hundred messages a second, half of what a seed takes for a flood, and parts
/// of some megabytes each fill a fast link.
pub(super) const PART_ASK_EVERY: Duration = Duration::from_millis(10);
/// Who has asked a seed for the next part takes nothing else of it meanwhile, but not for longer than this: the seed may have
/// nothing more to name, and nobody else anything to give.
pub(super) const PART_WAIT_MAX: Duration = Duration::from_secs(1);
/// A seed that has fewer chunks than this on their way gives little: what it gives again takes nothing from what it gives for
/// the first time. Three quarters of what a driver lets it give at once, for with a third of that a link of four gigabits
/// was idle between two rounds.
pub(super) const GIVING_LITTLE_BELOW: usize = 24;
/// A peer of another zone is asked rather than a near one only if the near one takes more than so many times as long. Links
/// between zones are thin, and what one node takes over them others wait for; but a near peer that is so much slower is
/// busy or broken, and waiting for it would leave this node's own link idle.
pub(super) const FAR_WEIGHT: u32 = 2;
/// A near peer that takes so many times as long for a chunk as far ones do keeps nobody from asking these: it is busy or broken,
/// or wants to be slow. Near ones that give to a whole crowd take a few times as long as an idle far one.
pub(super) const NEAR_SLOWER: u32 = 8;
/// Of far members a chunk that is not this node's to bring is asked for so often, to see whether the way there is free: two
/// in a second are nothing on a link between zones.
pub(super) const FAR_PROBE_EVERY: Duration = Duration::from_millis(500);
/// It is free if such a chunk comes within this time: a pipeline's time, in which any round trip is hidden. On a link that is
/// full, chunks of all who ask wait longer than that.
pub(super) const FAR_SOON: Duration = PIPELINE_TIME_MAX;
/// So many of them may be under way at a time, where it is free: enough to fill a link of a gigabit.
pub(super) const FAR_LONE_MAX: usize = 32;
/// For what a node is the delegate is found out again so often at most, however often near members come and go: with as many
/// chunks as there may be and two dozen members it takes some hundredths of a second.
pub(super) const DELEGATES_EVERY: Duration = Duration::from_secs(1);
/// What one chunk of a peer is thought to take before one was measured.
pub(super) const SERVICE_FIRST: Duration = Duration::from_millis(20);
/// Fetches of which it is remembered what they took, of peers and of seeds: enough for one in twenty to be three, and soon
/// all new when a crowd comes or goes.
pub(super) const USUAL_SAMPLES: usize = 64;
/// Before so many arrived it is not known what is usual.
pub(super) const USUAL_LEAST: usize = 16;
/// What is usual is looked at again after so many arrivals: sorting costs more than an arrival does.
pub(super) const USUAL_EVERY: usize = 8;
/// A fetch is hedged after this time at the latest: nobody may wait longer unnoticed.
pub(super) const HEDGE_AFTER_MAX: Duration = Duration::from_secs(1);
/// Of a peer after this time, before it is known what is usual: what is asked for first is the tree, which everything else
/// waits for, and a peer that says that it has everything and gives nothing is asked as soon as any. In a crowd of honest
/// ones that boot at once, nearly everybody has something by then.
pub(super) const HEDGE_AFTER_FIRST: Duration = Duration::from_millis(250);
/// And at the earliest after as long as a pipeline may take to empty: what waits in one is not late.
pub(super) const HEDGE_AFTER_MIN: Duration = PIPELINE_TIME_MAX;
/// Between the two, after so many times what nine in ten fetches take at most. One in ten takes longer than that itself, which
/// is five times what may be asked for twice; and in a crowd where all are honest, twice that time still costs one byte in a
/// hundred and a tenth of a copy of the seed.
pub(super) const HEDGE_FACTOR: u32 = 4;
/// Of what was fetched for a wanter, this part may be asked for twice (2 %),
pub(super) const HEDGE_PART: u64 = 50;
/// this part at the end (5 %), when nothing is left to be asked for the first time,
pub(super) const HEDGE_PART_LAST: u64 = 20;
/// and what is under way is no more than this part of what was fetched: before that a straggler holds up nobody,
pub(super) const LAST_PART: u64 = 16;
/// and so many bytes in any case: the tree of a large cache, or a chunk or two of one that is small.
pub(super) const HEDGE_FREE_BYTES: u64 = 512 * 1024;
/// A second holder is asked if it would take less than this part of what the first has taken: where all are slow, a second copy
/// is as late as the first.
pub(super) const HEDGE_GAIN: u32 = 2;
/// How soon a straggler that had no second holder is looked at again.
pub(super) const HEDGE_RETRY: Duration = Duration::from_millis(250);
/// First pause after a peer was busy or broke off; it doubles each time.
pub(super) const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// Longest such pause: a peer that recovers is noticed.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Requests in a row that a seed declines because it is busy, after which more neighbours are looked for: one may be chance.
pub(super) const BUSY_IN_A_ROW: u32 = 3;
/// Stalls in a row after which a peer is reported; one that says nothing for the whole fetch timeout is reported for that.
pub(super) const STALLS_MAX: u32 = 3;
/// A peer has stalled if it says nothing, while others send, for so many times what nineteen in twenty fetches take,
pub(super) const STALL_FACTOR: u32 = 4;
/// but not before this: less is a burst of somebody else's, or a pause of the host's.
pub(super) const STALL_AFTER_MIN: Duration = Duration::from_secs(1);
/// The same of a peer before it is known what is usual; of a seed, which a crowd asks first, it is the fetch timeout.
pub(super) const STALL_AFTER_FIRST: Duration = Duration::from_secs(4);
/// Nobody sends if nothing arrives for so long: then it is not a peer's fault, but perhaps this node's link. A half of the
/// shortest stall.
pub(super) const FLOW_GAP_MAX: Duration = Duration::from_millis(500);
/// A peer that sends other chunks may keep one waiting this many times the fetch timeout.
pub(super) const STALL_FACTOR_MAX: u32 = 3;
/// A wanter for which nothing moves for this long is told so, as the design promises users.
pub(super) const NO_PROGRESS: Duration = Duration::from_secs(10);
/// The same with no peer connected at all: there is nobody to hear news from.
pub(super) const ALONE: Duration = Duration::from_secs(2);
/// Newly held chunks are gathered this long before they are announced, or longer: few messages, and still early.
pub(super) const NEWS_DELAY: Duration = Duration::from_millis(20);
/// This part of the time that passed since the first: the last to hear of something is late by no more than that.
pub(super) const NEWS_PART: u32 = 100;
/// But no longer than this, so that nobody looks idle.
pub(super) const NEWS_DELAY_MAX: Duration = Duration::from_millis(500);
/// The same for seeds: a thousand members of a swarm are a thousand messages a second.
pub(super) const SEED_NEWS_DELAY: Duration = Duration::from_secs(1);
/// Plain bytes fetched ahead of what a job takes that are in memory: hides a fetch behind a write, and no more.
pub(super) const BUFFERED_BYTES: u64 = 4 * 1024 * 1024;
/// The same with what the store keeps meanwhile: two seconds of a gigabit, while a job writes what was here from the start.
pub(super) const AHEAD_BYTES: u64 = 256 * 1024 * 1024;
/// Chunks outside every open swarm that are remembered as held (about 5 MB); for others the store is asked.
pub(super) const LOOSE_HELD_MAX: usize = 131_072;
/// Memory for what one peer announces: sixteen manifests of the largest size.
pub(super) const HAVE_BYTES_PER_PEER_MAX: usize = 4 * 1024 * 1024;
/// Memory for what all peers announce; what does not fit is not asked for.
pub(super) const HAVE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Wanters with state at most: jobs, pulls, and credits that arrive before a job's first want.
pub(super) const WANTERS_MAX: usize = 4 * crate::limits::JOBS_MAX;
