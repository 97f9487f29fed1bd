//! Every metric by its name: what alerts and dashboards may rely on.
//!
//! Names end in a base unit, and those of counters in `_total`. A label has values of a closed list, of the policy (its
//! publishers' names), or of the [`LINEAGES_MEASURED_MAX`](pollux_core::limits::LINEAGES_MEASURED_MAX) lineages saved last;
//! never of a peer, a job or a key.

/// How values go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows from the start of the program on.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts what lay under each of some bounds.
    Histogram,
}

/// Which programs have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Nodes and seeds.
    Both,
    /// Nodes.
    Nodes,
    /// Seeds.
    Seeds,
}

/// One of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// As it is scraped; a histogram's samples add `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// How it goes on.
    pub kind: Kind,
    /// Who has it.
    pub of: Of,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// For people.
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    of: Of,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, of, labels, help }
}

macro_rules! table {
    ($($constant:ident: $name:literal, $kind:ident, $of:ident, $labels:expr, $help:literal;)*) => {
        $(pub(super) const $constant: &Metric = &metric($name, Kind::$kind, Of::$of, &$labels, $help);)*

        /// All of them.
        pub const METRICS: &[&Metric] = &[$($constant),*];
    };
}

table! {
    BUILD_INFO: "pollux_build_info", Gauge, Both, ["version", "role"], "1, with the program's version and role.";
    STARTED: "process_start_time_seconds", Gauge, Both, [], "When the program started, in seconds since the Unix epoch.";
    CLOCK: "pollux_clock_timestamp_seconds", Gauge, Both, [], "What the machine's clock said when this was told: beside the scraper's own, how wrong it is.";
    HITS: "pollux_hits_total", Counter, Both, [], "Questions of jobs that were answered with a cache.";
    MISSES: "pollux_misses_total", Counter, Both, ["reason"], "Questions of jobs that were answered with a miss, by its reason.";
    CHUNKS_FAILED: "pollux_chunks_failed_total", Counter, Both, ["reason"], "Chunks that jobs asked for and could not have.";
    DELIVERED: "pollux_delivered_bytes_total", Counter, Both, ["source"], "Plain bytes of chunks given to jobs, by where they came from.";
    RECEIVED: "pollux_received_bytes_total", Counter, Both, [], "Bytes of frames fetched from peers and seeds, as they are on the wire.";
    SERVED: "pollux_served_bytes_total", Counter, Both, ["class"], "Bytes of frames sent to others, as they are on the wire, by what these are.";
    ANSWER_SECONDS: "pollux_answer_seconds", Histogram, Both, [], "From a job's question to its answer, hit or miss.";
    RESTORE_SECONDS: "pollux_restore_seconds", Histogram, Both, [], "From a job's question to the last chunk that it wanted.";
    PUBLISHES: "pollux_publishes_total", Counter, Both, ["result"], "Saves that jobs published through this node, by how they ended.";
    RECEIPTS: "pollux_receipts_total", Counter, Seeds, [], "Receipts that this seed signed.";
    CERTIFIED: "pollux_certified_total", Counter, Both, [], "Certificates that became known here.";
    OFFERS_REFUSED: "pollux_offers_refused_total", Counter, Seeds, ["reason"], "Offers that got no receipt of this seed.";
    JOINS_REFUSED: "pollux_joins_refused_total", Counter, Seeds, ["reason"], "Members that this seed did not let in.";
    JOIN_REFUSALS: "pollux_join_refusals_total", Counter, Nodes, ["reason"], "Times that a seed did not let this node in.";
    BANS: "pollux_bans_total", Counter, Both, [], "Peers that were banned for a while.";
    OFFENCES: "pollux_offences_total", Counter, Both, [], "Times that a peer broke the protocol.";
    UNKNOWN_MESSAGES: "pollux_unknown_messages_total", Counter, Both, [], "Messages of peers that only a later release knows.";
    HEDGES: "pollux_hedges_total", Counter, Both, [], "Chunks that a second holder was asked for, because the first took long.";
    DUPLICATES: "pollux_duplicate_bytes_total", Counter, Both, [], "Bytes of frames that arrived for nothing, because another holder's came first.";
    JUNK_CHUNKS: "pollux_junk_chunks_total", Counter, Both, [], "Chunks that were not what they were asked for as.";
    DISBELIEVED: "pollux_disbelieved_total", Counter, Both, [], "Documents that did not hold.";
    WITHDRAWN: "pollux_withdrawn_total", Counter, Both, [], "Manifests that were known and are served no more.";
    BANNED: "pollux_banned_peers", Gauge, Both, [], "Peers that are banned now.";
    MEMBERS: "pollux_connected_members", Gauge, Both, [], "Members of the pool that are connected.";
    SEEDS_CONNECTED: "pollux_connected_seeds", Gauge, Both, [], "Other seeds of the policy that are connected.";
    SEEDS: "pollux_policy_seeds", Gauge, Both, [], "Seeds that the policy names.";
    WRITE_QUORUM: "pollux_policy_write_quorum", Gauge, Both, [], "Seeds whose receipts a save needs.";
    READ_QUORUM: "pollux_policy_read_quorum", Gauge, Both, [], "Seeds whose answers a restore needs.";
    JOINED: "pollux_joined", Gauge, Nodes, [], "1 while this node is a member of the pool.";
    SIGNING: "pollux_seed_signing", Gauge, Seeds, [], "1 while this seed signs answers and receipts, its store being whole.";
    OFFERS: "pollux_offers", Gauge, Seeds, [], "Offers under way.";
    JOBS: "pollux_jobs", Gauge, Both, [], "Jobs that asked for something and are still there.";
    FETCHES: "pollux_fetches", Gauge, Both, [], "Chunks under way to this node.";
    QUEUE: "pollux_queue_length", Gauge, Both, ["queue"], "What waits in a queue of the program.";
    MANIFESTS: "pollux_manifests", Gauge, Both, [], "Certified manifests that are known.";
    YANKS: "pollux_yanks", Gauge, Both, [], "Yanks that are known.";
    STORE_BYTES: "pollux_store_bytes", Gauge, Both, [], "Bytes of the store's segments.";
    STORE_BYTES_MAX: "pollux_store_max_bytes", Gauge, Both, [], "Bytes that the store's segments may have.";
    STORE_BYTES_POSSIBLE: "pollux_store_possible_bytes", Gauge, Both, [], "Bytes that the store's segments can have: what they may have, or less where the file system has no more for them.";
    STORE_CHUNKS: "pollux_store_chunks", Gauge, Both, [], "Chunks in the store.";
    DISK_FREE: "pollux_store_disk_free_bytes", Gauge, Both, [], "Bytes free on the store's file system.";
    DISK_FREE_MIN: "pollux_store_disk_free_min_bytes", Gauge, Both, [], "Bytes that the store leaves free on its file system.";
    EVICTED: "pollux_evicted_bytes_total", Counter, Nodes, ["reason"], "Bytes of the store that this node gave back, because its file system ran short or for what came in.";
    LET_GO: "pollux_let_go_total", Counter, Both, [], "Manifests whose content went for want of room.";
    SWEEPS: "pollux_sweeps_total", Counter, Both, ["result"], "Sweeps of the store, by how they ended.";
    SWEPT_BYTES: "pollux_swept_bytes_total", Counter, Both, [], "Bytes of the store that sweeps gave back.";
    SWEPT: "pollux_last_sweep_timestamp_seconds", Gauge, Seeds, [], "When this seed last swept its store or found nothing to sweep; before the first time, when it started.";
    STORE_BROKEN: "pollux_store_broken", Gauge, Both, [], "1 once the disk failed to make data durable: nothing is written until a restart.";
    SHARE_BYTES: "pollux_publisher_share_bytes", Gauge, Seeds, ["publisher"], "Bytes of this seed's disk that a publisher's caches take.";
    SHARE_BYTES_MAX: "pollux_publisher_share_max_bytes", Gauge, Seeds, ["publisher"], "Bytes of a seed's disk that a publisher's caches may take, where the policy bounds them.";
    NEWEST_SAVE: "pollux_lineage_newest_save_timestamp_seconds", Gauge, Seeds, ["lineage"], "When a lineage was last saved, of the lineages saved last.";
    LINEAGES_LEFT_OUT: "pollux_lineages_left_out", Gauge, Seeds, [], "Lineages whose newest save is not told, being too many.";
    ROOT_EXPIRY: "pollux_root_expiry_timestamp_seconds", Gauge, Both, [], "When the root expires.";
    POLICY_EXPIRY: "pollux_policy_expiry_timestamp_seconds", Gauge, Both, [], "When the policy expires.";
    PUBLISHER_EXPIRY: "pollux_publisher_expiry_timestamp_seconds", Gauge, Both, ["publisher"], "When a publisher of the policy expires; of several keys under one name the first.";
    TOKEN_EXPIRY: "pollux_join_token_expiry_timestamp_seconds", Gauge, Both, [], "When the join token of this instance's pool file expires.";
    ROOT_VERSION: "pollux_root_version", Gauge, Both, [], "Version of the root in force.";
    POLICY_VERSION: "pollux_policy_version", Gauge, Both, [], "Version of the policy in force.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_as_the_ecosystem_wants_them() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len(), "each name once");
        for metric in METRICS {
            let Metric { name, kind, help, .. } = metric;
            // The program's start has the name that every program gives it.
            assert!(name.starts_with("pollux_") || *name == "process_start_time_seconds", "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(!["_count", "_sum", "_bucket"].iter().any(|end| name.ends_with(end)), "{name}");
            assert!(!name.contains("_ms") && !name.contains("_millis"), "{name}");
            assert!(help.ends_with('.') && help.is_ascii(), "{name}");
        }
    }

    #[test]
    fn no_label_names_a_peer_or_a_job() {
        let known =
            ["version", "role", "reason", "source", "class", "result", "queue", "publisher", "lineage"];
        for metric in METRICS {
            assert!(metric.labels.iter().all(|label| known.contains(label)), "{}", metric.name);
        }
    }
}
