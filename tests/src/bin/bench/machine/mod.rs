//! One machine: saving and restoring beside what people do without Pollux, in the same run.
//!
//! ```text
//! task     what is measured, how each does it, what is wanted
//! round    a fresh pool, and every task once
//! limit    the same files, written from memory
//! watch    a save, and when publishing begins
//! changed  what the second version changes
//! ```

mod changed;
mod limit;
mod round;
mod task;
mod watch;

use crate::BenchError;
use crate::input::Input;
use crate::measure::{Variable, is_here, script};
use crate::options::Options;
use crate::place::Place;
use crate::table::{Bar, Sample, Samples, Spec, Table, Verdict};
use crate::words::{say, size, step};
use limit::Limit;
use pollux_tests::Listing;
use pollux_tests::stats::float;
use round::{DAEMONS, Round, Shared};
use std::fs;
use std::sync::atomic::AtomicBool;
use task::{How, Task};

/// A daemon's resident bytes at most, whatever is saved or restored.
const MEMORY_MOST: f64 = 200.0;

/// Measures one input.
pub(crate) fn measure(
    options: &Options,
    input: &Input,
    place: &Place,
    interrupted: &AtomicBool,
) -> Result<Table, BenchError> {
    let programs = options.programs()?;
    let (tasks, missing) = tasks(options, input.second.is_some())?;
    step(&format!("Reading {}", input.first.display()));
    let (listing, limit) = (Listing::of(&input.first)?, Limit::read(&input.first)?);
    say(&format!("    {} files, {}; {}", limit.files(), size(listing.bytes()), input.origin));
    let about = vec![
        format!("input: {}; {} files, {}", input.origin, limit.files(), size(listing.bytes())),
        format!("written to: {}", place.file_system),
    ];
    let directory = place.directory().join("shared");
    fs::create_dir(&directory)?;
    let (first, next) = (input.first.as_path(), input.second.as_deref());
    let shared =
        Shared { programs, place, input: first, next, listing, limit, directory, tasks, interrupted };
    let changes = prepare(&shared)?;
    let mut table = Table {
        title: format!("One machine: {}", input.name),
        command: options.command("machine", input),
        about,
        missing,
        ..Table::default()
    };
    let mut all = Figures::default();
    for number in 0..options.rounds() {
        step(&format!("{}, round {} of {}", input.name, number + 1, options.rounds()));
        all.take(Round::start(&shared, number)?.run()?);
    }
    let specs: Vec<Spec> =
        Task::ALL.iter().filter(|task| shared.tasks.contains(task)).map(|task| task.spec()).collect();
    table.fill(&specs, &DAEMONS, &all.samples, &task::wanted(&input.name, changes));
    table.verdicts.extend(all.memory());
    Ok(table)
}

/// What is asked for and can be done, and the programs that are not here.
fn tasks(options: &Options, has_next: bool) -> Result<(Vec<Task>, Vec<String>), BenchError> {
    options.check_groups(&Task::GROUPS)?;
    let (mut tasks, mut missing) = (Vec::new(), Vec::new());
    for task in Task::ALL {
        let group = task.spec().group;
        if !options.is_wanted(group) || (group == "next" && !has_next) {
            continue;
        }
        match task.how() {
            How::Script { needs, .. } if !is_here(needs) => {
                if !missing.iter().any(|known| known == needs) {
                    missing.push(needs.to_owned());
                }
            }
            How::Script { .. } | How::Own(_) => tasks.push(task),
        }
    }
    Ok((tasks, missing))
}

/// Makes what scripts read; tells how many runs of files the second version changes.
fn prepare(shared: &Shared<'_>) -> Result<u64, BenchError> {
    let variables = [Variable("INPUT", shared.input), Variable("SHARED", &shared.directory)];
    if shared.tasks.contains(&Task::Extract) {
        script(None, r#"tar -C "$INPUT" -cf "$SHARED/input.tar" ."#, &variables)?;
    }
    if shared.tasks.contains(&Task::CopyAgain) {
        script(None, r#"rsync -a "$INPUT/" "$SHARED/mirror/""#, &variables)?;
    }
    let Some(next) = shared.next.filter(|_| shared.tasks.contains(&Task::SaveNext)) else { return Ok(0) };
    let changed = changed::between(&shared.listing, &Listing::of(next)?);
    fs::write(shared.directory.join("changed"), changed.names())?;
    Ok(changed.runs())
}

/// What all rounds found out.
#[derive(Default)]
struct Figures {
    samples: Samples,
    /// Of each daemon, at its highest in any round.
    memory: Vec<u64>,
}

impl Figures {
    fn take(&mut self, results: round::Results) {
        for (task, sample) in results.samples {
            self.push(task, sample);
        }
        self.memory.resize(DAEMONS.len(), 0);
        for (most, bytes) in self.memory.iter_mut().zip(results.memory) {
            *most = bytes.max(*most);
        }
    }

    fn push(&mut self, task: Task, sample: Sample) {
        self.samples.entry(task.spec().id).or_default().push(sample);
    }

    fn memory(&self) -> Vec<Verdict> {
        let verdict = |(name, bytes): (&&str, &u64)| {
            let what = format!("memory of {name} at its highest");
            Verdict::of(what, float(*bytes) / 1e6, "MB", Some(Bar::AtMost(MEMORY_MOST)))
        };
        DAEMONS.iter().zip(&self.memory).map(verdict).collect()
    }
}
