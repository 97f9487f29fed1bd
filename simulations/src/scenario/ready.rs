//! Scenarios that come along: by their names, as files have them.

/// Names and texts, in the order of their names.
pub const READY: &[(&str, &str)] = &[
    ("boot-storm", include_str!("../../scenarios/boot-storm.toml")),
    ("ci-morning", include_str!("../../scenarios/ci-morning.toml")),
    ("crowd", include_str!("../../scenarios/crowd.toml")),
    ("hostile-tenth", include_str!("../../scenarios/hostile-tenth.toml")),
    ("hunt", include_str!("../../scenarios/hunt.toml")),
    ("junk-third", include_str!("../../scenarios/junk-third.toml")),
    ("long-tail", include_str!("../../scenarios/long-tail.toml")),
    ("matrix", include_str!("../../scenarios/matrix.toml")),
    ("partition-heal", include_str!("../../scenarios/partition-heal.toml")),
    ("rolling-version", include_str!("../../scenarios/rolling-version.toml")),
    ("seed-death", include_str!("../../scenarios/seed-death.toml")),
    ("slow-disks", include_str!("../../scenarios/slow-disks.toml")),
    ("slow-seeds", include_str!("../../scenarios/slow-seeds.toml")),
    ("slow-tenth", include_str!("../../scenarios/slow-tenth.toml")),
    ("small-crowd", include_str!("../../scenarios/small-crowd.toml")),
    ("stale-seeds", include_str!("../../scenarios/stale-seeds.toml")),
    ("stalling-tenth", include_str!("../../scenarios/stalling-tenth.toml")),
    ("two-regions", include_str!("../../scenarios/two-regions.toml")),
];

/// Traces that they name.
pub const TRACES: &[(&str, &str)] = &[("ci-morning.trace", include_str!("../../scenarios/ci-morning.trace"))];

/// The text of a scenario.
pub(super) fn text(name: &str) -> Option<&'static str> {
    found(READY, name)
}

/// The text of a trace.
pub(super) fn trace(name: &str) -> Option<&'static str> {
    found(TRACES, name)
}

fn found(all: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    all.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
