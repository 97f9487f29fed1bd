//! What a command costs: wall time, and the CPU of everything that worked for it.

use crate::BenchError;
use crate::table::Sample;
use pollux_tests::lan::Host;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Daemons whose CPU clocks stood still for so long are quiet.
const QUIET: Duration = Duration::from_millis(100);
/// Daemons that are never quiet are not waited for longer.
const QUIET_TIMEOUT: Duration = Duration::from_secs(10);

/// Measures `work`, which runs commands to their end. The daemons, by their process ids, are quiet before.
pub(crate) fn measure<T>(
    daemons: &[u32],
    work: impl FnOnce() -> Result<T, BenchError>,
) -> Result<(T, Sample), BenchError> {
    let (before, commands) = (quiet(daemons)?, own_cpu()?);
    let began = Instant::now();
    let done = work()?;
    let wall = began.elapsed().as_secs_f64();
    let command_cpu = own_cpu()? - commands;
    let daemon_cpu = quiet(daemons)?.iter().zip(before).map(|(after, before)| after - before).collect();
    Ok((done, Sample { wall, command_cpu, daemon_cpu, bytes: None }))
}

/// The CPU clocks of daemons, once they stand still.
fn quiet(daemons: &[u32]) -> Result<Vec<f64>, BenchError> {
    let until = Instant::now() + QUIET_TIMEOUT;
    let mut last = clocks(daemons)?;
    loop {
        sleep(QUIET);
        let now = clocks(daemons)?;
        // The clocks count hundredths: a daemon that moves by one may only have looked at its timers.
        let stood_still = now.iter().zip(&last).all(|(now, last)| now - last < 0.015);
        if stood_still || Instant::now() > until {
            return Ok(now);
        }
        last = now;
    }
}

/// CPU seconds of daemons so far.
pub(crate) fn clocks(daemons: &[u32]) -> Result<Vec<f64>, BenchError> {
    daemons.iter().map(|process| cpu_of(*process)).collect()
}

/// CPU seconds of this process and of all commands that it has run to their end, with what those ran.
pub(crate) fn own_cpu() -> Result<f64, BenchError> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    Ok(cpu_in(&stat))
}

/// CPU seconds of a process that still runs, and of its children that have ended.
pub(crate) fn cpu_of(process: u32) -> Result<f64, BenchError> {
    Ok(cpu_in(&fs::read_to_string(format!("/proc/{process}/stat"))?))
}

/// utime, stime, cutime and cstime: fields 14 to 17, in hundredths on every architecture that we run on.
fn cpu_in(stat: &str) -> f64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_whitespace().skip(11).take(4);
    fields.filter_map(|text| text.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// A name that a script knows, and the path that it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable<'a>(pub(crate) &'static str, pub(crate) &'a Path);

/// Runs a script of the shell to its end, on a host if one is named; what it says on standard error is the reason if it fails.
pub(crate) fn script(host: Option<&Host>, text: &str, variables: &[Variable<'_>]) -> Result<(), BenchError> {
    let shell = Path::new("sh");
    let mut command = host.map_or_else(|| Command::new(shell), |host| host.command(shell));
    command.args(["-ec", text]).envs(variables.iter().map(|Variable(name, path)| (*name, *path)));
    // So that what people have set up at home for their own archives does not count.
    command.env("RESTIC_PASSWORD", "measured").env_remove("RESTIC_REPOSITORY").env_remove("TAR_OPTIONS");
    run(&mut command)
}

/// Runs a command.
pub(crate) fn run(command: &mut Command) -> Result<(), BenchError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| BenchError::step(name.as_str(), error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(BenchError::step(name, format!("{}\n{said}", output.status)))
}

/// Whether a program can be run.
pub(crate) fn is_here(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|at| at.join(name).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_parenthesis_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 3000 400 20 0 1 0";
        assert!((cpu_in(stat) - 35.2).abs() < 1e-9);
    }

    #[test]
    fn what_a_child_used_is_counted_when_it_has_ended() {
        let before = own_cpu().unwrap();
        script(None, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", &[]).unwrap();
        assert!(own_cpu().unwrap() > before);
    }

    #[test]
    fn a_script_that_fails_says_why() {
        let failed =
            script(None, "echo \"$WHY\" >&2; false", &[Variable("WHY", Path::new("because"))]).unwrap_err();
        assert!(failed.to_string().contains("because"));
        assert!(is_here("sh") && !is_here("a program that nobody has"));
    }
}
