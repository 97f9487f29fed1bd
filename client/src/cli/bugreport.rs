//! `pollux bugreport`

use super::common::{Common, disabled, parse_seconds};
use super::doctor::{Examination, examine};
use super::exit::Failure;
use super::{Done, output, status};
use clap::Args;
use pollux_client::clock::now;
use pollux_client::connection::SOFTWARE;
use pollux_client::health::{Check, Level};
use pollux_client::protocol::Further;
use pollux_client::redact::{scrub, without_addresses};
use pollux_client::text_file::{self, Existing};
use pollux_core::limits::POOL_FILE_BYTES_MAX;
use pollux_core::{Policy, PoolFile, Root, Timestamp};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Write one file that tells somebody else what they need to help, and no secret
///
/// It holds versions and platform, where the node's things are, what the pool file says (no key and no token), what
/// `pollux doctor` and `pollux status` say, and the latest warnings of the node's log. Keys, tokens, memberships and whatever is
/// long enough to be one are left out. Names of peers, users and directories are in it, and addresses unless --anonymous. Read
/// it before you give it away: it is plain text.
///
/// Examples:
///
///   pollux bugreport
///
///   pollux bugreport --anonymous -o report.txt
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Write it here, readable for this user only; `-` for standard output
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "pollux-bugreport.txt",
        allow_hyphen_values = true
    )]
    out: PathBuf,
    /// Put words in the place of addresses and host names
    #[arg(long)]
    anonymous: bool,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// The pool file [default: the node's own, or /etc/pollux/pool.json]
    #[arg(long, value_name = "FILE")]
    pool: Option<PathBuf>,
    /// Seconds to wait for the node
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds)]
    timeout: Duration,
    #[command(flatten)]
    pub(super) common: Common,
}

/// One part of the report.
struct Section {
    title: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    written: &'a Path,
    bytes: usize,
    contains: Vec<&'static str>,
    left_out: &'static str,
    anonymous: bool,
}

const LEFT_OUT: &str = "keys, join tokens, memberships, and whatever is long enough to be one";

pub(crate) fn run(arguments: &Arguments) -> Done {
    if disabled() {
        return output::print_disabled(arguments.common.json);
    }
    let to_stdout = arguments.out == Path::new("-");
    let existing = if arguments.force { Existing::Replace } else { Existing::Keep };
    if !to_stdout {
        text_file::check_free(&arguments.out, existing)?;
    }
    let sections = gather(arguments);
    let text = sections.text;
    if to_stdout {
        return output::print(&text);
    }
    text_file::write(&arguments.out, &text, existing)?;
    tell(arguments, sections.titles, text.len())
}

fn tell(arguments: &Arguments, contains: Vec<&'static str>, bytes: usize) -> Result<(), Failure> {
    let (written, anonymous) = (arguments.out.as_path(), arguments.anonymous);
    if arguments.common.json {
        return output::print_json(&Report { written, bytes, contains, left_out: LEFT_OUT, anonymous });
    }
    let addresses = if anonymous {
        "addresses and host names are words"
    } else {
        "addresses are in it (--anonymous hides them)"
    };
    output::print(&format!(
        "{} ({}) contains: {}.\nLeft out: {LEFT_OUT}; {addresses}.\nRead it before you give it away.",
        output::printable(&written.display().to_string()),
        output::count(bytes, "byte"),
        contains.join(", ")
    ))
}

/// What is written, redacted.
struct Gathered {
    titles: Vec<&'static str>,
    text: String,
}

fn gather(arguments: &Arguments) -> Gathered {
    let found = examine(&arguments.common, arguments.pool.clone(), arguments.timeout);
    let more = found.node.as_ref().and_then(|(_, more)| more.as_ref());
    let own = more.map(|more| PathBuf::from(&more.place.pool_file));
    let path = arguments.pool.clone().or(own).unwrap_or_else(|| super::doctor::POOL_FILE.into());
    let (pool, mut hosts) = pool_file(&path);
    hosts.extend(more.iter().flat_map(|more| more.seeds.iter().flat_map(|seed| seed.addresses.clone())));
    hosts.extend(fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()));
    let mut sections = vec![versions(&found), platform(), environment(), pool];
    sections.extend(more.map(places));
    sections.push(Section { title: "doctor", text: found.words() });
    sections.extend(log(more, &found.checks));
    sections.extend(of_status(found));
    let text: Vec<String> =
        sections.iter().map(|part| format!("== {} ==\n{}\n", part.title, part.text)).collect();
    let text = scrub(&text.join("\n"));
    let text = if arguments.anonymous { without_addresses(&text, &hosts) } else { text };
    Gathered { titles: sections.iter().map(|part| part.title).collect(), text }
}

fn versions(found: &Examination) -> Section {
    let node = found
        .node
        .as_ref()
        .map_or_else(|| "(does not answer)".to_owned(), |(status, _)| output::printable(&status.software));
    Section { title: "versions", text: format!("made at  {}\ncommand  {SOFTWARE}\nnode     {node}", now()) }
}

fn platform() -> Section {
    let read = |path: &str| {
        fs::read_to_string(path).unwrap_or_default().lines().next().map(output::printable).unwrap_or_default()
    };
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map(output::printable);
    let text = format!(
        "system   {} {}, {}\nkernel   {} {}\nmachine  {}, memory {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        name.unwrap_or_else(|| "unknown distribution".to_owned()),
        read("/proc/sys/kernel/ostype"),
        read("/proc/sys/kernel/osrelease"),
        output::count(std::thread::available_parallelism().map_or(0, std::num::NonZero::get), "processor"),
        read("/proc/meminfo")
    );
    Section { title: "platform", text }
}

/// Names only, where the value may be a secret.
fn environment() -> Section {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str().filter(|name| name.starts_with("POLLUX"))?.to_owned();
        let shown = ["POLLUX_SOCKET", "POLLUX_DISABLE"].contains(&name.as_str());
        let value = if shown { output::printable(&value.to_string_lossy()) } else { "(set)".to_owned() };
        Some(format!("{name}={value}"))
    });
    let mut lines: Vec<String> = ours.collect();
    lines.sort();
    Section {
        title: "environment",
        text: if lines.is_empty() { "(nothing of Pollux is set)".to_owned() } else { lines.join("\n") },
    }
}

/// What a pool file says, without what it lets in with; and where its seeds are.
fn pool_file(path: &Path) -> (Section, Vec<String>) {
    let shown = output::printable(&path.display().to_string());
    let read =
        text_file::read(path, POOL_FILE_BYTES_MAX).ok().and_then(|text| PoolFile::from_json(&text).ok());
    let parts =
        read.and_then(|file| Some((file.root.body::<Root>().ok()?, file.policy.body::<Policy>().ok()?)));
    let (text, hosts) = match parts {
        Some((root, policy)) => (
            format!("file     {shown}\n{}", about(&root, &policy)),
            policy.seeds.iter().flat_map(|seed| seed.addresses.clone()).collect(),
        ),
        None => (format!("file     {shown} (no pool file that can be read)"), Vec::new()),
    };
    (Section { title: "pool file", text }, hosts)
}

fn about(root: &Root, policy: &Policy) -> String {
    let Policy { version, seeds, write, read, faulty, publishers, .. } = policy;
    let mut text = format!(
        "root     {} of pool {}, ends {}\npolicy   {version}, ends {}; write {write}, read {read}, faulty {faulty}; tokens admit: {}",
        root.version,
        output::printable(&root.pool),
        root.expires,
        policy.expires,
        !policy.strict_admission
    );
    for seed in seeds {
        text += &format!("\nseed     {} at {}", seed.peer, output::printable(&seed.addresses.join(", ")));
    }
    for one in publishers {
        let patterns: Vec<String> = one.patterns.iter().map(ToString::to_string).collect();
        text += &format!(
            "\npublisher {} for {}, ends {}",
            output::printable(&one.name),
            patterns.join(" "),
            one.expires
        );
    }
    for network in &policy.networks {
        text += &format!(
            "\nnetwork  {}, {} per address",
            network.cidr,
            output::count(network.memberships, "member")
        );
    }
    text
}

fn places(more: &Further) -> Section {
    let place = &more.place;
    let text = format!(
        "listen   {}\npool     {}\nruntime  {}\nsocket   {}\nstore    {}\nlog      {}",
        place.listen.join(", "),
        place.pool_file,
        place.runtime,
        place.socket,
        place.store,
        place.log
    );
    let text: Vec<String> = text.lines().map(output::printable).collect();
    Section { title: "configuration", text: text.join("\n") }
}

/// What is wrong now, and what the log has kept of before.
fn log(more: Option<&Further>, checks: &[Check]) -> Option<Section> {
    let more = more?;
    let line = |one: &pollux_client::protocol::LoggedWarning| {
        let time = Timestamp::from_millis(one.time_ms);
        format!("{time} {} {}", output::printable(&one.level), output::printable(&one.text))
    };
    let now = checks.iter().filter(|check| check.level != Level::Ok);
    let now = now.map(|check| format!("now {}: {}", check.check, output::printable(&check.what)));
    let logged: Vec<String> = more.warnings.iter().map(line).collect();
    let none = logged.is_empty().then(|| "(none in the log since the node started)".to_owned());
    let text = now.chain(logged).chain(none).collect::<Vec<_>>().join("\n");
    Some(Section { title: "latest warnings", text })
}

/// All that the node says of itself; its log stands above.
fn of_status(found: Examination) -> Option<Section> {
    let (status, mut more) = found.node?;
    if let Some(more) = &mut more {
        more.warnings.clear();
    }
    let text = output::json(&status::Report::new(status, more)).ok()?;
    let lines: Vec<String> = text.lines().map(output::printable).collect();
    Some(Section { title: "status", text: lines.join("\n") })
}
