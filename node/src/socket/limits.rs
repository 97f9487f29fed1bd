//! What a job may cost.

use std::time::Duration;

/// Plain bytes on their way to a job: enough to keep the socket busy, little enough for many jobs.
pub(super) const DELIVER_BYTES: u32 = 8 * 1024 * 1024;
/// The driver hears of what a job took so many bytes at a time, or when nothing else waits: far below the above.
pub(super) const TAKEN_TOLD_BYTES: u32 = DELIVER_BYTES / 16;
/// Chunks of a job waiting for its socket, read ahead where there is room.
pub(super) const READS_AHEAD: usize = 16;
/// Bytes that all jobs together have read ahead, whoever is slow: a few dozen chunks keep every disk and socket busy. Each
/// job has one chunk besides, whose turn it is.
pub(super) const READ_AHEAD_BYTES: usize = 64 * 1024 * 1024;
/// A job that has not taken a chunk after so long uses no read ahead: a socket takes one in a few milliseconds.
pub(super) const TAKEN_IN_TIME: Duration = Duration::from_secs(1);
/// What blocks (reads, uploads, syncs) of all jobs together at one time: a few keep a disk busy.
pub(super) const TURNS: usize = 16;
/// Uploaded chunks of a job that wait to be hashed and appended.
pub(super) const UPLOADS_MAX: usize = 8;
/// Who hashes and appends what one job uploads: more of them keep up with more processors than a job's instance has.
pub(super) const UPLOAD_TAKERS_MAX: usize = 4;
/// Bytes that a job has appended before they are made durable without being asked for: the disk works while the job does.
pub(super) const UPLOAD_SYNC_BYTES: usize = 32 * 1024 * 1024;
/// Chunks hashed and appended in one turn: some milliseconds of work, worth a wake-up, short enough for others to wait.
pub(super) const UPLOADS_PER_TURN: usize = 16;
/// Replies that wait for a job's socket before nothing more is read from it.
pub(super) const REPLIES_MAX: usize = 8;
/// Bytes of the reason why one manifest was taken back: as many of them as are remembered of a user fit into a message, with
/// their keys.
pub(super) const WHY_BYTES_MAX: usize = 400;
/// For the first message.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// For the rest of a frame that has begun.
pub(super) const FRAME_TIMEOUT: Duration = Duration::from_secs(30);
/// A job that says nothing and waits for nothing for so long has forgotten us; hashing a large tree takes minutes.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// A job that takes nothing for so long is gone or stopped; its disk may be slow.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest deadline that a job may ask for.
pub(super) const DEADLINE_MAX: Duration = Duration::from_secs(3600);
/// Between two tries to accept while the system has no descriptors left.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For sessions under way when the node stops.
pub(super) const SESSION_WIND_UP: Duration = Duration::from_secs(2);
/// Connections that one process may hold on to when another job needs a place: a job has one or two.
pub(super) const PROCESS_SHARE: usize = 16;
/// A job that waits for nothing keeps its place for so long at least: reading files between two requests takes a while.
pub(super) const SPARED: Duration = Duration::from_secs(60);
/// Connections that were told to leave and have not yet, at most: so many wait for their places.
pub(super) const LEAVING_MAX: usize = 64;
/// Refused saves in the log within [`REFUSALS_LOGGED_WITHIN`], of all jobs together: more than an operator reads.
pub(super) const REFUSALS_LOGGED_MAX: u64 = 20;
/// See [`REFUSALS_LOGGED_MAX`].
pub(super) const REFUSALS_LOGGED_WITHIN: Duration = Duration::from_secs(60);
/// Questions of all jobs together in a second, in the long run. Each is a few messages to each seed, of which a seed takes 200 a
/// second from one member before it bans it: there is room for eight.
pub(super) const QUESTIONS_PER_SECOND: u64 = 25;
/// Questions at once, after a while without: a seed takes 2,000 messages, so the same eight for each.
pub(super) const QUESTIONS_AT_ONCE: u32 = 250;
