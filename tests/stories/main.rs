//! Stories told with real daemons on loopback, a file each.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a story ends where something is not as it tells; it says so when it is skipped"
)]

mod bad_input;
mod boot_and_join;
mod byte_share;
mod castor;
mod clocks;
mod crash_and_restart;
mod crowd;
mod disk_full;
mod doctor;
mod fleet;
mod github;
mod gitlab;
mod hostile_members;
mod hostile_tree;
mod job_in_container;
mod job_programs;
mod job_registries;
mod job_runs;
mod job_trust;
mod log;
mod lying_peer;
mod manners;
mod membership;
mod memory;
mod metrics;
mod no_daemon;
mod package_managers;
mod pages;
mod papers_end;
mod papers_outlive_kills;
mod peers_share_while_fetching;
mod policy_changes;
mod prefetch;
mod prometheus;
mod readme;
mod runbook;
mod save_then_restore;
mod saver_is_killed;
mod scene;
mod secrets;
mod seed_is_down;
mod seed_replaced;
mod seeds_heal;
mod signed_elsewhere;
mod site;
mod two_jobs_at_once;
mod units;
mod untrusted_job_publishes;
mod upgrade;
mod wire_alone;
mod yank;
mod zuul;
