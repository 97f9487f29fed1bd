//! The built program: repeatable in two processes, clear about what is wrong.
#![expect(clippy::expect_used, clippy::panic, reason = "what tests call may fail like tests")]

use std::path::PathBuf;
use std::process::{Command, Output};

const SMALL: &[&str] = &["run", "--nodes", "6", "--size", "3MiB", "--chunk-bytes", "64KiB"];

fn pollux_sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pollux-sim")).args(arguments).output().expect("the program starts")
}

fn small(more: &[&str]) -> Output {
    pollux_sim(&[SMALL, more].concat())
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn report(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The message of a command that is refused.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn scenario(name: &str, text: &str) -> String {
    let path = scratch(name);
    std::fs::write(&path, text).expect("the scratch directory can be written");
    path.to_str().expect("text").to_owned()
}

#[test]
fn two_processes_with_one_rng_seed_print_the_same_digest() {
    let digest = |rng_seed| report(&small(&["--json", "--rng-seed", rng_seed]))["trace"]["digest"].clone();
    let one = digest("7");
    assert_eq!(one.as_str().map(str::len), Some(64));
    assert_eq!(one, digest("7"));
    assert_ne!(one, digest("8"));
}

#[test]
fn the_same_run_has_the_same_report_but_for_its_speed() {
    let whole = || {
        let mut report = report(&small(&["--json"]));
        assert!(report["speed"]["events_per_second"].is_u64());
        report["speed"].take();
        report
    };
    assert_eq!(whole(), whole());
}

#[test]
fn the_report_says_what_it_must() {
    let output = small(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = report(&output);
    assert_eq!(report["version"], 4);
    assert_eq!(report["verdict"]["ok"], true);
    assert_eq!(report["verdict"]["completed"], 6);
    assert_eq!(report["scenario"]["groups"][0]["count"], 6);
    let makespan = report["completion"]["makespan_us"].as_u64().unwrap();
    assert!(makespan >= report["bound"]["total_us"].as_u64().unwrap());
    assert!(report["traffic"]["seed_copies"].as_f64().unwrap() >= 1.0);
}

#[test]
fn the_command_that_repeats_the_run_comes_first_and_last() {
    let text = stdout(&small(&["--rng-seed", "3"]));
    let (first, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
    assert_eq!(first, last);
    let words: Vec<&str> = first.split_whitespace().skip(1).collect();
    let digest = |text: &str| text.lines().find(|line| line.starts_with("trace")).map(str::to_owned);
    assert_eq!(digest(&stdout(&pollux_sim(&words))), digest(&text));
}

#[test]
fn the_trace_is_written_line_by_line() {
    let path = scratch("trace.txt");
    let output = small(&["--json", "--trace", path.to_str().unwrap()]);
    let text = std::fs::read_to_string(&path).expect("the trace is there");
    assert_eq!(u64::try_from(text.lines().count()).ok(), report(&output)["trace"]["facts"].as_u64());
    assert!(
        text.lines().any(|line| line.ends_with("n0 > event certified") || line.contains("> event receipt"))
    );
}

#[test]
fn flags_go_before_the_file() {
    let file = scenario("flags.toml", "extends = \"crowd\"\nlatency = \"2ms\"\n[[groups]]\ncount = 3\n");
    let report = report(&pollux_sim(&["run", &file, "--nodes", "2", "--size", "1MiB", "--json"]));
    assert_eq!(report["scenario"]["groups"][0]["count"], 2);
    assert_eq!(report["scenario"]["latency"], "2ms");
}

/// A small run with more in its file, its exit code, and its report.
fn judged(name: &str, more: &str) -> (Option<i32>, serde_json::Value) {
    let file = scenario(name, &format!("extends = \"crowd\"\n{more}\n"));
    let output = pollux_sim(&["run", &file, "--nodes", "3", "--size", "1MiB", "--json"]);
    (output.status.code(), report(&output))
}

#[test]
fn each_class_has_its_exit_code() {
    let output = small(&["--json", "--total-deadline", "1ms"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let late = report(&output);
    assert_eq!((&late["verdict"]["class"], &late["verdict"]["violations"]), (&"liveness".into(), &6.into()));
    let (code, ended) = judged("ended.toml", "time_max = \"1ms\"");
    assert_eq!((code, &ended["verdict"]["class"]), (Some(4), &"liveness".into()), "{ended:#}");
    let missed = "coverage = [\"ban\"]\n[[expectations]]\nfigure = \"p50-ratio\"\nat_most = 0.5";
    let (code, missed) = judged("missed.toml", missed);
    assert_eq!((code, &missed["verdict"]["class"]), (Some(5), &"expectation".into()));
    assert_eq!(missed["verdict"]["expectations"][0]["met"], false);
    let (code, uncovered) = judged("uncovered.toml", "coverage = [\"ban\"]");
    assert_eq!((code, &uncovered["verdict"]["class"]), (Some(6), &"coverage".into()));
    let (code, well) =
        judged("well.toml", "[[expectations]]\nfigure = \"completed-share\"\nat_least = \"100%\"");
    assert_eq!((code, &well["verdict"]["class"]), (Some(0), &"ok".into()));
    assert_eq!(small(&["--trace", "/nowhere/trace"]).status.code(), Some(1));
}

#[test]
fn the_text_names_the_class_and_each_expectation() {
    let limits = "[[expectations]]\nfigure = \"late-share\"\nat_most = \"0%\"\n[[expectations]]\nfigure = \"max\"\ngroup = \"crowd\"\nat_most = 0.001";
    let file = scenario("limits.toml", &format!("extends = \"crowd\"\ncoverage = [\"ban\"]\n{limits}\n"));
    let text = stdout(&pollux_sim(&["run", &file, "--nodes", "2", "--size", "1MiB"]));
    for line in ["FAILED (expectation)", "late-share at most 0 %: 0 %, met", "ban 0 (MISSING)"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let missed = text.lines().find(|line| line.contains("max of crowd at most 0.001 s: ")).expect("a line");
    assert!(missed.ends_with(", MISSED"), "{missed}");
}

#[test]
fn what_is_wrong_is_said_with_exit_code_2() {
    let unknown = scenario("unknown.toml", "version = 1\nlatency = \"3ms\"\nsedes = 4\n");
    assert!(refusal(&pollux_sim(&["run", &unknown])).contains("unknown field `sedes`"));
    assert!(refusal(&pollux_sim(&["run", "/nowhere/x.toml"])).contains("/nowhere/x.toml"));
    assert!(refusal(&small(&["--up", "0bit/s"])).contains("`groups.crowd.up` is 0B/s"));
    assert!(refusal(&pollux_sim(&["run", "--size", "64"])).contains("is not a size"));
    assert!(refusal(&pollux_sim(&["run", "--nodes", "10000", "--size", "2GiB"])).contains("`events_max`"));
    let figure = scenario("figure.toml", "version = 1\n[[expectations]]\nfigure = \"speed\"\nat_most = 1\n");
    assert!(refusal(&pollux_sim(&["run", &figure])).contains("line 3"));
    assert!(refusal(&pollux_sim(&["walk"])).contains("walk"));
}

#[test]
fn a_trace_lies_beside_its_scenario() {
    let directory = scratch("traces");
    std::fs::create_dir_all(&directory).expect("the scratch directory can be written");
    let trace = |text: &[u8]| std::fs::write(directory.join("jobs.trace"), text).expect("it can be written");
    let file = scenario(
        "traces/jobs.toml",
        "extends = \"crowd\"\n[[groups]]\narrival = { trace = \"jobs.trace\" }\n",
    );
    let run = |more: &[&str]| pollux_sim(&[&["run", &file, "--size", "1MiB", "--json"], more].concat());
    trace(b"# three\n0\n0.5\n2s\n");
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let group = &report(&output)["scenario"]["groups"][0];
    assert_eq!(
        (&group["count"], &group["arrival"]["times"]),
        (&3.into(), &["0", "500ms", "2s"].as_slice().into())
    );
    let compared = pollux_sim(&["diff", &file, &file]);
    assert_eq!(compared.status.code(), Some(0), "{compared:?}");
    assert!(refusal(&run(&["--nodes", "4"])).contains("4 nodes cannot come at 3 times"));
    trace(b"5\n4\n");
    let refused = refusal(&run(&[]));
    assert!(
        refused.contains("jobs.toml") && refused.contains("`jobs.trace`, line 2: 4s is earlier"),
        "{refused}"
    );
    assert!(refusal(&pollux_sim(&["hunt", "--base", &file])).contains("`jobs.trace`, line 2"));
    trace(b"\xff\n");
    assert!(refusal(&run(&[])).contains("UTF-8"));
    trace(&b"# much\n".repeat(400_000));
    assert!(refusal(&run(&[])).contains("`jobs.trace`: it has more than 2097152 bytes"));
    std::fs::remove_file(directory.join("jobs.trace")).expect("it was there");
    assert!(refusal(&run(&[])).contains("beside the scenario's file"));
}

#[test]
fn links_can_be_shared_exactly() {
    let output = small(&["--exact", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = report(&output);
    assert_eq!(report["scenario"]["sharing"], "exact");
    assert!(report["command"].as_str().unwrap().ends_with(" --exact"));
    assert!(refusal(&pollux_sim(&["run", "boot-storm", "--exact"])).contains("`sharing` cannot be"));
}

#[test]
fn the_page_is_written_beside_the_report() {
    let path = scratch("page.html");
    let output = small(&["--html", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<figure").count(), 8);
    assert_eq!(small(&["--html", "/nowhere/page.html"]).status.code(), Some(1));
}

#[test]
fn two_runs_are_put_beside_each_other() {
    let one = scratch("one.json");
    std::fs::write(&one, small(&["--json"]).stdout).expect("the scratch directory can be written");
    let one = one.to_str().expect("text");
    let other = scenario(
        "other.toml",
        "extends = \"crowd\"\n[[caches]]\nname = \"cache\"\nsize = \"1MiB\"\n[[groups]]\ncount = 2\n",
    );
    let output = pollux_sim(&["diff", one, &other]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = stdout(&output);
    let makespan = text.lines().find(|line| line.starts_with("makespan ")).expect("a line");
    assert!(makespan.contains(" s ") && makespan.ends_with(" %  B"), "{text}");
    let diff = report(&pollux_sim(&["diff", one, one, "--json"]));
    let rows = diff["rows"].as_array().expect("rows");
    assert!(rows.len() > 20 && rows.iter().all(|row| row["better"].is_null()), "{diff:#}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let old = scenario("old.json", "{\"version\": 2}");
    assert!(refusal(&pollux_sim(&["diff", &old, &old])).contains("a report of version 2"));
    assert!(refusal(&pollux_sim(&["diff", "crowd", "/nowhere/b"])).contains("/nowhere/b"));
    assert!(refusal(&pollux_sim(&["diff", "/dev/zero", "crowd"])).contains("/dev/zero"));
    let empty = scenario("empty.toml", "");
    assert!(refusal(&pollux_sim(&["diff", "crowd", &empty])).contains("empty.toml: it is no scenario"));
    let wrong = scenario("wrong.toml", "sedes = 3");
    assert!(refusal(&pollux_sim(&["diff", &wrong, "crowd"])).contains("sedes"));
}

#[test]
fn what_comes_along_is_run_by_its_name() {
    let output = pollux_sim(&["run", "crowd", "--nodes", "2", "--size", "1MiB", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(report(&output)["command"].as_str().unwrap().starts_with("pollux-sim run crowd --nodes 2"));
    assert!(refusal(&pollux_sim(&["run", "big-crowd"])).contains("boot-storm"));
}

#[test]
fn help_is_the_manual() {
    let help = stdout(&pollux_sim(&["run", "--help"]));
    for word in ["--nodes", "SCENARIO", "T >= max", "Exit codes", "[default: 64MiB]", "digest"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn what_comes_along_is_listed_and_printed() {
    let listed = stdout(&pollux_sim(&["scenarios"]));
    assert!(listed.lines().count() >= 12 && listed.contains("seed-death"), "{listed}");
    let printed = stdout(&pollux_sim(&["scenarios", "two-regions"]));
    assert!(printed.starts_with("version = 1") && printed.contains("[[zones]]"), "{printed}");
    assert!(listed.contains("scenarios reference"), "{listed}");
    let reference = scenario("reference.toml", &stdout(&pollux_sim(&["scenarios", "reference"])));
    let output = pollux_sim(&["run", &reference, "--size", "1MiB", "--json"]);
    assert_eq!(report(&output)["verdict"]["violations"], 0, "what is printed can be run: {output:?}");
    let trace = stdout(&pollux_sim(&["scenarios", "ci-morning.trace"]));
    assert!(trace.starts_with("# ") && trace.lines().count() > 100, "{trace}");
    assert!(refusal(&pollux_sim(&["scenarios", "nowhere"])).contains("pollux-sim scenarios"));
}

#[test]
fn a_hunt_tells_what_failed_and_how_to_repeat_it() {
    // Nobody can restore anything in so little time.
    let base = scenario(
        "hurry.toml",
        "version = 1\nheals_at = \"0s\"\ntime_max = \"400ms\"\n[[groups]]\ncount = 4\n",
    );
    let hunt = pollux_sim(&["hunt", "--rng-seeds", "2", "--first", "5", "--threads", "1", "--base", &base]);
    assert_eq!(hunt.status.code(), Some(4), "{hunt:?}");
    let said = stdout(&hunt);
    let command = format!("pollux-sim replay 5 --base {base}");
    assert!(said.starts_with("verdict     FAILED: 2 runs, 2 failed") && said.contains(&command), "{said}");
    let replay = pollux_sim(&["replay", "5", "--base", &base]);
    assert_eq!(replay.status.code(), Some(4), "{replay:?}");
    assert!(stdout(&replay).starts_with(&command), "{replay:?}");
    let shrunk = pollux_sim(&["shrink", "5", "--base", &base, "--runs", "30"]);
    let least = scenario("least.toml", &stdout(&shrunk));
    let again = pollux_sim(&["run", &least]);
    assert_eq!(again.status.code(), Some(4), "what is left fails in the same way: {again:?}");
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    assert!(refusal(&pollux_sim(&["shrink", "--file", "small-crowd"])).contains("it does not fail"));
}

#[test]
fn a_table_has_a_row_for_each_scenario_and_the_exit_code_of_the_worst() {
    let few = |name: &str, at_most: &str| {
        let text = format!(
            "version = 1\n[[caches]]\nname = \"npm\"\nsize = \"1MiB\"\n\
             [[groups]]\nname = \"few\"\ncount = 3\nrestores = [\"npm\"]\n\
             [[expectations]]\nfigure = \"p50-ratio\"\nat_most = {at_most}\n"
        );
        scenario(name, &text)
    };
    let (well, badly) = (few("table-well.toml", "99"), few("table-badly.toml", "0.1"));
    let output = pollux_sim(&["table", &well, &badly]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(5), "{text}");
    let rows: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert!(rows[0].contains("table-well.toml | 3 | 1 |") && rows[0].ends_with("| ok |"), "{text}");
    assert!(rows[1].ends_with("| expectation |"), "{text}");
    let refused = refusal(&pollux_sim(&["table", &well, "nowhere.toml"]));
    assert!(refused.contains("nowhere.toml"), "nothing is run before all were read: {refused}");
}

#[test]
fn whoever_reads_no_further_is_no_failure() {
    for arguments in
        [&["scenarios"][..], &["scenarios", "hunt"], SMALL, &["table", "--size", "1MiB", "seed-death"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let child = Command::new(env!("CARGO_BIN_EXE_pollux-sim"))
            .args(arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.as_ref()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_hunt_of_nothing_is_refused() {
    assert!(refusal(&pollux_sim(&["hunt", "--rng-seeds", "0"])).contains("0 is not in 1.."));
}

#[test]
fn a_scenario_opens_no_trace_outside_of_its_directory_and_nothing_but_files() {
    let directory = scratch("outside");
    std::fs::create_dir_all(directory.join("inner.trace")).expect("it can be made");
    std::fs::write(scratch("outside.trace"), "hidden \u{1b}[31m").expect("it can be written");
    for (name, why) in
        [("../outside.trace", "without `..`"), ("/etc/hostname", "without `..`"), ("inner.trace", "no file")]
    {
        let text = format!("version = 1\n[[groups]]\nname = \"few\"\narrival = {{ trace = \"{name}\" }}\n");
        std::fs::write(directory.join("fleet.toml"), text).expect("it can be written");
        let file = directory.join("fleet.toml");
        let refused = refusal(&pollux_sim(&["run", file.to_str().expect("text")]));
        assert!(refused.contains(why) && !refused.contains("hidden"), "{name}: {refused}");
    }
}
