//! Two machines: hosts in network namespaces behind shaped links, with real daemons on both, beside an rsync daemon and a web
//! server on the one that has everything.
//!
//! ```text
//! leg     what is measured, how each does it, what is wanted
//! origin  the servers to compare with
//! round   a fresh pool, and every leg once
//! ```

mod leg;
mod origin;
mod round;

use crate::BenchError;
use crate::input::Input;
use crate::measure::{Variable, is_here, script};
use crate::options::Options;
use crate::place::Place;
use crate::table::{Bar, Samples, Spec, Table, Verdict};
use crate::words::{say, size, step};
use leg::{How, JOIN_SECONDS, Leg, SMALL_SECONDS};
use origin::Origin;
use pollux_tests::lan::{CONGESTION, Host, Lan, LanError, Link};
use pollux_tests::{Listing, fill};
use round::{DAEMONS, Round, SMALLS, Shared};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Bytes that do not compress, for what the link alone limits.
const RANDOM_BYTES: usize = 250_000_000;
/// Of a small cache.
const SMALL_BYTES: usize = 1 << 20;

/// Measures one input behind a link of so many bits each second.
pub(crate) fn measure(
    options: &Options,
    (input, rate): (&Input, u64),
    place: &Place,
    interrupted: &AtomicBool,
) -> Result<Table, BenchError> {
    let programs = options.programs()?;
    let (legs, missing) = legs(options, input.second.is_some())?;
    let (_lan, hosts) = hosts(rate)?;
    let directory = place.directory().join("shared");
    let listing = prepare(&directory, input)?;
    let origin = Origin::start(&hosts[0], &hosts[1], &directory)?;
    let mut table = Table {
        title: format!("Two machines: {}", input.name),
        command: options.command(&format!("network --rate {rate}"), input),
        about: vec![
            format!("input: {}; {}", input.origin, size(listing.bytes())),
            format!("links of {} Mbit/s each way, TCP {CONGESTION}", rate / 1_000_000),
            format!("written to: {}", place.file_system),
        ],
        missing,
        ..Table::default()
    };
    let shared =
        Shared { programs, hosts, origin: origin.processes(), listing, directory, legs, interrupted };
    let mut samples = Samples::new();
    for number in 0..options.rounds() {
        step(&format!("{}, round {} of {}", input.name, number + 1, options.rounds()));
        for (leg, sample) in Round::start(&shared, number, place)?.run()? {
            samples.entry(leg.spec().id).or_default().push(sample);
        }
    }
    let specs: Vec<Spec> =
        Leg::ALL.iter().filter(|leg| shared.legs.contains(leg)).map(|leg| leg.spec()).collect();
    table.fill(&specs, &DAEMONS, &samples, &leg::wanted(&input.name));
    // A round has many of them.
    table.rounds = options.rounds();
    let small = table.rows.iter().find(|row| row.id == Leg::Small.spec().id);
    let small = small
        .map(|row| Verdict::of("restore of 1 MiB", row.wall.median, "s", Some(Bar::AtMost(SMALL_SECONDS))));
    table.verdicts.extend(small);
    let join = table.rows.iter().find(|row| row.id == Leg::Join.spec().id).map(|row| row.wall);
    let [middle, most] = JOIN_SECONDS;
    let join = join.map(|wall| [("median", wall.median, middle), ("largest", wall.most, most)]);
    let join = join.into_iter().flatten().map(|(which, seconds, bar)| {
        Verdict::of(format!("join to first chunk, {which}"), seconds, "s", Some(Bar::AtMost(bar)))
    });
    table.verdicts.extend(join);
    Ok(table)
}

/// What is asked for and can be done, and the programs that are not here.
fn legs(options: &Options, has_next: bool) -> Result<(Vec<Leg>, Vec<String>), BenchError> {
    options.check_groups(&Leg::GROUPS)?;
    let (mut legs, mut missing) = (Vec::new(), Vec::new());
    let wanted = Leg::ALL.into_iter().filter(|leg| options.is_wanted(leg.spec().group));
    for leg in wanted.filter(|leg| has_next || !leg.is_of_next()) {
        match leg.how() {
            How::Script { needs, .. } if !is_here(needs) => missing.push(needs.to_owned()),
            How::Script { .. } | How::Own(_) => legs.push(leg),
        }
    }
    missing.dedup();
    if !is_here("nginx") {
        missing.push("nginx (Python's server in its place)".to_owned());
    }
    Ok((legs, missing))
}

/// The machine that has everything, and the instance.
fn hosts(rate: u64) -> Result<(Lan, [Host; 2]), BenchError> {
    let open = || -> Result<_, LanError> {
        let mut lan = Lan::open()?;
        let link = Link { up: rate, down: rate };
        let hosts = [lan.add(link)?, lan.add(link)?];
        Ok((lan, hosts))
    };
    open().map_err(|error| BenchError::step("making the network", error))
}

/// Makes what is served and saved; tells what the input is.
fn prepare(directory: &Path, input: &Input) -> Result<Listing, BenchError> {
    step(&format!("Reading and packing {}", input.first.display()));
    let www = directory.join("www");
    fs::create_dir_all(&www)?;
    fs::create_dir(directory.join("random"))?;
    fs::write(directory.join("random/random"), fill("bench", RANDOM_BYTES))?;
    symlink(directory.join("random"), www.join("random"))?;
    for number in 0..SMALLS {
        let small = directory.join(format!("small-{number}"));
        fs::create_dir(&small)?;
        fs::write(small.join("small"), fill(&format!("small {number}"), SMALL_BYTES))?;
    }
    let versions = [("first", Some(&input.first)), ("next", input.second.as_ref())];
    for (name, version) in versions {
        let Some(version) = version else { continue };
        symlink(version, directory.join(name))?;
        let variables = [Variable("INPUT", version), Variable("WWW", &www)];
        script(
            None,
            &format!(r#"tar -C "$INPUT" -cf - . | zstd -q -3 -T0 -o "$WWW/{name}.tar.zst""#),
            &variables,
        )?;
    }
    let listing = Listing::of(&input.first)?;
    say(&format!("    {}; {}", size(listing.bytes()), input.origin));
    Ok(listing)
}
