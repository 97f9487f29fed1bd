//! The table of the wire: every contender once in each round, and the node's socket.

use super::{Contender, Moved, Served, run_once};
use crate::BenchError;
use crate::options::Options;
use crate::place::Place;
use crate::table::{Bar, Measure, Sample, Samples, Spec, Table, Wanted};
use crate::words::{say, step};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

/// Files of the node's cache, 4 MB each.
const FILES: usize = 64;
const GROUPS: [&str; 2] = ["wire", "socket"];
const SOCKET: Spec =
    Spec { id: "socket", name: "socket, node to client", group: "socket", command: Served::WHAT };

/// Moves so many gigabytes with each.
pub(crate) fn measure(
    options: &Options,
    gigabytes: u64,
    place: &Place,
    interrupted: &AtomicBool,
) -> Result<Table, BenchError> {
    options.check_groups(&GROUPS)?;
    let specs: Vec<Spec> = Contender::ALL
        .map(spec)
        .into_iter()
        .chain([SOCKET])
        .filter(|spec| options.is_wanted(spec.group))
        .collect();
    let served = options.is_wanted(SOCKET.group).then(|| serve(options, place)).transpose()?;
    let mut samples = Samples::new();
    for number in 0..options.rounds() {
        step(&format!("The wire, round {} of {}", number + 1, options.rounds()));
        let turn = number.checked_rem(specs.len()).unwrap_or_default();
        for spec in specs.iter().cycle().skip(turn).take(specs.len()) {
            if interrupted.load(Ordering::Relaxed) {
                return Err(BenchError::Interrupted);
            }
            let sample = sample(&move_once(spec, gigabytes, served.as_ref())?);
            say(&format!("    {:38} {:7.3} s, {:6.2} s of CPU", spec.name, sample.wall, sample.cpu()));
            samples.entry(spec.id).or_default().push(sample);
        }
    }
    let mut table = Table {
        title: format!("The wire alone: {gigabytes} GB"),
        command: options.command_of(&format!("wire --gigabytes {gigabytes}")),
        about: vec![
            "two processes on loopback, chunks of 256 KiB; CPU of the command is the taker's".to_owned(),
            "socket: the node's own chunks, not verified by the taker, as those of the unix socket"
                .to_owned(),
        ],
        ..Table::default()
    };
    table.fill(&specs, &["giver"], &samples, &wanted());
    Ok(table)
}

const fn spec(contender: Contender) -> Spec {
    let (name, group) = match contender {
        Contender::Pollux => ("pollux, node to node", "wire"),
        Contender::Tls => ("  TLS without a protocol", "wire"),
        Contender::Libp2p => ("  libp2p as it comes", "wire"),
        Contender::Tcp => ("  TCP", "wire"),
        Contender::Unix => ("  unix socket", "socket"),
    };
    Spec { id: contender.name(), name, group, command: contender.what() }
}

fn serve(options: &Options, place: &Place) -> Result<Served, BenchError> {
    step("Saving what the node gives");
    let directory = place.directory().join("served");
    fs::create_dir(&directory)?;
    Served::start(options.programs()?, &directory, FILES)
}

fn move_once(spec: &Spec, gigabytes: u64, served: Option<&Served>) -> Result<Moved, BenchError> {
    match (Contender::ALL.into_iter().find(|contender| contender.name() == spec.id), served) {
        (Some(contender), _) => run_once(contender, gigabytes),
        (None, Some(served)) => served.run_once(gigabytes.saturating_mul(1_000_000_000)),
        (None, None) => Err(BenchError::step(spec.name, "there is no node")),
    }
}

fn sample(moved: &Moved) -> Sample {
    let Moved { bytes, seconds, giver_cpu, taker_cpu } = *moved;
    Sample { wall: seconds, command_cpu: taker_cpu, daemon_cpu: vec![giver_cpu], bytes: Some(bytes) }
}

fn wanted() -> Vec<Wanted> {
    let wants = |ours, theirs: Contender, of, bar| Wanted { ours, theirs: theirs.name(), of, bar: Some(bar) };
    let pollux = Contender::Pollux.name();
    vec![
        wants(pollux, Contender::Tls, Measure::Faster, Bar::AtLeast(0.8)),
        wants(pollux, Contender::Tls, Measure::Cpu, Bar::AtMost(1.25)),
        wants(pollux, Contender::Libp2p, Measure::Faster, Bar::AtLeast(2.0)),
        wants(pollux, Contender::Libp2p, Measure::Cpu, Bar::AtMost(0.5)),
        wants(SOCKET.id, Contender::Unix, Measure::Faster, Bar::AtLeast(0.7)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_of_rows_that_there_are() {
        let ids: Vec<&str> = Contender::ALL.map(spec).iter().chain([&SOCKET]).map(|spec| spec.id).collect();
        let wanted = wanted();
        assert!(wanted.iter().all(|wanted| ids.contains(&wanted.ours) && ids.contains(&wanted.theirs)));
        assert!(Contender::ALL.map(spec).iter().all(|spec| GROUPS.contains(&spec.group)));
    }
}
