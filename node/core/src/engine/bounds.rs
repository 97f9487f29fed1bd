//! The engine's own limits: a bound on everything that a peer or a job could make grow, each with its reason.
use crate::limits::PEERS_MAX;
use core::time::Duration;

/// A peer that has not proven its membership after this long is closed; a join takes two messages and two signatures, so a
/// second where everything is slow.
pub(crate) const STANDING_TIMEOUT: Duration = Duration::from_secs(3);
/// A join that a seed does not answer is repeated after this long.
pub(crate) const JOIN_RETRY: Duration = Duration::from_secs(5);
/// A member whose place somebody wants is taken for gone if it says nothing for this long: many round trips, and half of
/// what the newcomer has.
pub(crate) const PROBE_PATIENCE: Duration = Duration::from_millis(1_500);
/// A refused join is repeated after this long: somebody may have put a new token or made room.
pub(crate) const JOIN_REFUSED_RETRY: Duration = Duration::from_secs(30);
/// A dial that the driver reports nothing about counts as failed after this long.
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is made durable that a manifest is still used: what counts in the end is thirty days, and a busy seed has
/// thousands of manifests.
pub(crate) const USE_RECORDED_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// What was used in this time a seed keeps, however full it is.
pub(crate) const UNUSED_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// Manifests of each lineage that a seed keeps, the newest: what is current, and what a bad one is rolled back to.
pub(crate) const LINEAGE_KEPT: usize = 3;
/// First wait before a seed is dialled again; doubles with each failure.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// Longest wait before a seed is dialled again.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// How long a peer that broke the protocol is refused.
pub(crate) const BAN_TIME: Duration = Duration::from_secs(600);
/// Bans remembered; the oldest goes. Names are free, so more would only cost memory.
pub(crate) const BANS_MAX: usize = 1024;
/// Messages that a peer may send at once before it floods: a node with every swarm open sends one for each.
pub(crate) const MESSAGE_BURST: u32 = 2_000;
/// Messages that a peer may send each second in the long run.
pub(crate) const MESSAGES_PER_SECOND: u32 = 200;
/// Messages of a peer that wait until its membership is judged: what it takes part in, said right after its hello.
pub(crate) const HELD_MAX: usize = 8;
/// Verifications and signatures under way for one peer; more questions are dropped unanswered.
pub(crate) const PEER_TASKS_MAX: u32 = 8;
/// Messages that wait for one peer's credit; more means that it does not read, and it is dropped.
pub(crate) const SEND_QUEUE_MAX: usize = 1_024;
/// The same in bytes, with what is on its way: as many yanks as a pool may have, twice. Who does not read costs no more
/// memory than that.
pub(crate) const SEND_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The same for all peers together: when it is full, who has most of it is let go.
pub(crate) const SEND_BYTES_ALL_MAX: usize = 256 * 1024 * 1024;
/// Swarms that a node takes part in; the one unused longest makes room.
pub(crate) const SWARMS_MAX: usize = 256;
/// Swarms that a seed counts one member in.
pub(crate) const SWARMS_PER_MEMBER_MAX: usize = 512;
/// Peers of one swarm that a node dials each time that a seed names some: half of [`NEIGHBOURS_WANTED`], as others dial it.
pub(crate) const SWARM_DIALS_MAX: usize = 12;
/// Members dialled after a welcome, so that there is somebody to ask while seeds are away.
pub(crate) const WELCOME_DIALS_MAX: usize = 8;
/// Neighbours of a node that one seed has named or admitted, where there are several: half of its places, so that one hostile
/// seed cannot surround it.
pub(crate) const NEIGHBOURS_PER_SEED_MAX: usize = PEERS_MAX / 2;
/// How long a newcomer has to say that it shares a swarm: a handshake and a message.
pub(crate) const TRIAL_TIME: Duration = Duration::from_secs(2);
/// Certified manifests that a node knows; the oldest that is not in use goes.
pub(crate) const CATALOGUE_NODE_MAX: usize = 1_024;
/// Certified manifests that a seed knows.
pub(crate) const CATALOGUE_SEED_MAX: usize = 200_000;
/// Manifests of a lineage that a fallback looks at, newest first: a prefix may match none of very many.
pub(crate) const FALLBACK_SCAN_MAX: usize = 4_096;
/// Candidates of one key, or one fallback, in an answer: the newest and what a withdrawal may fall back to.
pub(crate) const CANDIDATES_EACH_MAX: usize = 3;
/// Chunks asked about in one `Look`: half a megabyte of names, so that other disk work comes between.
pub(crate) const LOOK_CHUNKS_MAX: usize = 16_384;
/// Chunks that one job may have waiting for a tree; the client's protocol asks for fewer.
pub(crate) const WAITING_CHUNKS_MAX: usize = 2_000_000;
/// Offers of one member that a seed works on at once.
pub(crate) const OFFERS_PER_PEER_MAX: usize = 4;
/// Offers that a seed works on at once.
pub(crate) const OFFERS_MAX: usize = 64;
/// A busy seed is offered the manifest again after this long.
pub(crate) const OFFER_RETRY: Duration = Duration::from_millis(500);
/// Least time between two progress messages of one offer.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// How far above the newest certified sequence a seed still votes: nobody can use a key's sequences up.
pub(crate) const SEQUENCE_AHEAD_MAX: u64 = 65_536;
/// How often a seed asks each of the others what is new there: a seed that was down is of use again soon after, and two
/// small messages in that time are nothing.
pub(crate) const CATCH_UP_INTERVAL: Duration = Duration::from_secs(5);
/// Between two pages of names: whoever makes them up without end costs a few megabytes a second.
pub(crate) const CATCH_UP_PAUSE: Duration = Duration::from_millis(100);
/// A seed that has not brought what it was asked for, or a disk that has not kept it, after this long is asked anew.
pub(crate) const CATCH_UP_PATIENCE: Duration = Duration::from_secs(20);
/// Manifests whose chunks a seed pulls at once to catch up: what is offered meanwhile must not wait behind them.
pub(crate) const CATCH_UP_PULLS_MAX: usize = 4;
/// Votes for manifests that are not certified which a seed keeps: each is a publish that is under way or has failed within
/// a manifest's life.
pub(crate) const BALLOTS_MAX: usize = 16_384;
/// Records that are under way at once, rounded up a good deal: 64 from each of 16 seeds, and those of offers. A new marker
/// is so far ahead of what other seeds are told.
pub(crate) const RECORDS_UNDER_WAY_MAX: u64 = 1 << 16;
/// Manifests of which one seed says that they were certified, and not enough others do: what a pool has, by their names only.
pub(crate) const VOUCHED_EACH_MAX: usize = 65_536;
/// Bytes of the votes that a seed keeps, by their envelopes; who publishes much at once has a few of them under way.
pub(crate) const BALLOTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Votes of one seed among them, so that one that lies leaves room for the others'.
pub(crate) const BALLOTS_EACH_MAX: usize = BALLOTS_MAX / 16;
/// Relayed answers that a node keeps; the oldest goes.
pub(crate) const RELAYS_MAX: usize = 256;
/// How long the relayed road waits for more peers once enough seeds are heard of.
pub(crate) const RELAYED_WAIT: Duration = Duration::from_millis(500);
/// Bytes of manifests in one message: below the message's bound with room for the rest.
pub(crate) const BESIDE_BYTES_MAX: usize = 384 * 1024;
/// How often a member asks its seeds for papers that it lacks, so that a yank is heard of though a message was lost.
pub(crate) const PAPERS_INTERVAL: Duration = Duration::from_secs(30);
/// How long an answer of who knows other papers waits for these; longer than a message each way.
pub(crate) const PAPERS_PATIENCE: Duration = Duration::from_secs(1);
/// A seed that did not give its papers in time is not waited for again for so long: it may lie.
pub(crate) const PAPERS_REST: Duration = Duration::from_secs(30);
/// Documents in one message of who wants papers kept, the policy aside: a few milliseconds of work.
pub(crate) const BRINGS_EACH_MAX: usize = 64;
/// Messages with papers of one seed that wait to be judged, and that one answer of it may have: as many yanks as a pool may
/// have, each as long as it may be, take some fifty.
pub(crate) const PAPERS_FROM_SEED_MAX: usize = 64;
/// The same of all members together: one at a time for each.
pub(crate) const PAPERS_FROM_MEMBERS_MAX: usize = 32;
/// The same of this node's own store and jobs.
pub(crate) const PAPERS_OWN_MAX: usize = 8;
/// A seed that was asked for papers may send them for so long; a slow link carries a pool's yanks in that time.
pub(crate) const PAPERS_EXCHANGE_MAX: Duration = Duration::from_secs(10);
/// Times that one peer is given papers in [`PAPERS_WINDOW`]: they may be megabytes, and it asks a few times a minute.
pub(crate) const PAPERS_GIVEN_MAX: u32 = 8;
/// See [`PAPERS_GIVEN_MAX`].
pub(crate) const PAPERS_WINDOW: Duration = Duration::from_secs(10);
/// Pages of its log that a seed reads at once: each is a few megabytes, off the thread that answers.
pub(crate) const LOG_READS_MAX: usize = 2;
/// Pages of its log that wait to be read; who finds no room is told to ask again.
pub(crate) const LOG_WAITING_MAX: usize = 256;
/// Pages that one peer is given in [`LOG_WINDOW`]: a year of a busy pool is a hundred, and at most a tenth of a core's time
/// is spent on one peer.
pub(crate) const LOG_GIVEN_MAX: u32 = 40;
/// See [`LOG_GIVEN_MAX`].
pub(crate) const LOG_WINDOW: Duration = Duration::from_secs(10);
/// Refusals of one member that a seed writes to its log in [`REFUSALS_WINDOW`]; further ones are counted.
pub(crate) const REFUSALS_LOGGED_MAX: u32 = 64;
/// See [`REFUSALS_LOGGED_MAX`].
pub(crate) const REFUSALS_WINDOW: Duration = Duration::from_secs(3_600);
/// Refusals of all members at one address in that time: whoever starts many nodes on one machine gets no more of the log than
/// two members do.
pub(crate) const REFUSALS_PER_ADDRESS_MAX: u32 = 2 * REFUSALS_LOGGED_MAX;
/// Addresses whose refusals are counted apart; all others together count as one.
pub(crate) const REFUSED_ADDRESSES_MAX: usize = 1_024;
/// Members whose refusals are counted at once; those of others are not written meanwhile.
pub(crate) const REFUSED_PEERS_MAX: usize = 4_096;
/// Manifests that are looked at for yanks in one go: a millisecond or so.
pub(crate) const REJUDGE_SLICE: usize = 1_024;
/// Manifests under verification at once because what they are judged by has changed.
pub(crate) const REJUDGED_AT_ONCE: u32 = 32;
/// Receipts that a seed makes at once for what lacks some: after a change of seeds that may be all that it keeps.
pub(crate) const RENEWALS_AT_ONCE: usize = 32;
/// Manifests that were taken back and are remembered, for jobs that used them.
pub(crate) const WITHDRAWN_MAX: usize = 1_024;
/// How long a question waits for a seed that is connected and has not let this node in yet, before peers are asked.
pub(crate) const SEED_PATIENCE: Duration = Duration::from_secs(1);
/// How long a job's question may be told to wait at most, whatever deadline it names.
pub(crate) const JOB_WAIT_MAX: Duration = Duration::from_secs(3_600);
/// How soon a swarm that jobs wait for asks for neighbours again: when many boot at once, the first to ask hear of few.
/// Doubles while they are few.
pub(crate) const MINGLE_FIRST: Duration = Duration::from_millis(250);
/// Chunks of the parts in which a seed gives a manifest to a crowd, at least: what a node that just came asks a seed for
/// at once, so that nothing is named long before it is given;
pub(crate) const PART_CHUNKS_MIN: u32 = 2;
/// and at most: some megabytes, so that one that takes long does not keep them from the others.
pub(crate) const PART_CHUNKS_MAX: u32 = 16;
/// Members that are asked at once for their neighbours, while no seed is here: one may be silent, and one may lie.
pub(crate) const MEMBERS_ASKED_MAX: usize = 3;
/// Neighbours that a member names, and that a node has by one member's word: a sixth of [`NEIGHBOURS_WANTED`], so that those
/// who lie do not surround a node that others have told the truth.
pub(crate) const NAMED_BY_MEMBER_MAX: usize = 4;
/// Neighbours of a swarm that are enough: each has what this node lacks for most of the time.
pub(crate) const NEIGHBOURS_WANTED: usize = 24;
/// Of the neighbours that a seed names to who has a zone, one of so many is of another zone, if there are any: four of 32, so
/// that what only one zone has comes into each several times;
pub(crate) const FAR_PART: usize = 8;
/// and so many of so many are of its own: enough that most bytes stay there, and some places are left to chance.
pub(crate) const NEAR_PART: (usize, usize) = (3, 4);
/// Members in a row that are looked at for one of another zone: one in twenty is met nearly always.
pub(crate) const FAR_SCAN_MAX: usize = 64;
/// Who says that it has this part of a manifest has much: whoever asks it asks for much, and is held up by a lie.
pub(crate) const MUCH_PART: u32 = 2;
/// How often a seed reads a tree and asks some members for a chunk of what they say they have;
pub(crate) const PROOFS_EVERY: Duration = Duration::from_millis(500);
/// and how many at once: some eight average chunks a second come in for that, two megabytes, and next to nothing goes out.
pub(crate) const PROOFS_AT_ONCE: usize = 4;
/// Members that wait for that at once: more than a seed can try before most of them are gone.
pub(crate) const PROOFS_WAITING_MAX: usize = 4_096;
/// Pairs of manifests of which a seed remembers what they have in common, each some 32 KiB at most.
pub(crate) const KIN_MAX: usize = 64;
/// Other manifests of a lineage, the newest, among which one is looked for that many members hold.
pub(crate) const KIN_LOOKED_MAX: usize = 4;
/// Holders of one of them that are as good as any number: more than a newcomer needs at once.
pub(crate) const KIN_ENOUGH: usize = 16;
/// What seeds say that holders of other manifests have of one swarm: the last from two of them are kept.
pub(crate) const KIN_NAMED_SETS_MAX: usize = 2;
/// How often a swarm that jobs wait for asks for neighbours again.
pub(crate) const MINGLE_INTERVAL: Duration = Duration::from_secs(15);
/// And while seeds are busy and neighbours few: a thousand nodes are a thousand small messages a second, as their news is; and
/// whoever finds somebody else to ask relieves the seed of larger ones.
pub(crate) const MINGLE_CROWDED: Duration = Duration::from_secs(1);
