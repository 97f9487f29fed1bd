//! The daemon on every CI instance, and the seed.

use clap::{CommandFactory, Parser, Subcommand};
use pollux_node::check;
use pollux_node::clock::Clock;
use pollux_node::config::{ConfigError, ConfigFile, Overrides, Settings};
use pollux_node::logging::{complain, is_journal};
use pollux_node::marker;
use pollux_node::run::{self, DriverFailed, Node, StartError};
use pollux_node::store::CheckMode;
use rustix::process::{getpriority_process, setpriority_process};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Each chunk has a buffer of its own for a moment. glibc gives such memory back to the kernel and is handed it again, a third of
/// the CPU of a transfer (3.84 s for each GB of both ends, with jemalloc 2.9, medians of interleaved runs); musl's allocator takes
/// one lock for all threads (a third more CPU for a save and a restore). An idle node has 2 MB more with jemalloc.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Where the configuration is if no flag says so; it may be absent.
const CONFIG: &str = "/etc/pollux/node.toml";
/// Threads for what blocks: as many as the engine's credits (up to 32 checks, 8 writes, 32 reads) and the jobs' turns
/// (16) can use at one time, and some for the short rest, so that no kind of work waits behind another. Most never start.
const BLOCKING_THREADS: usize = 112;
/// Threads for the wire and the jobs' sockets, whatever the settings say.
const WORKER_THREADS_MAX: usize = 256;
/// As of every program that clap reads arguments for; the units name it, too.
const WRONG_USAGE: u8 = 2;
/// What sysexits.h calls `EX_CONFIG`; the units name it in `RestartPreventExitStatus=`.
const CONFIGURED_WRONG: u8 = 78;

/// The Pollux node: shares the pool's caches with its peers and with the jobs of this instance.
///
/// Settings come from flags, then the environment, then the configuration file, then defaults. The node stops cleanly
/// on SIGTERM and SIGINT. Exit status: 0 stopped or checked, 1 could not start or failed, or a check found something, 2 wrong usage, 78 cannot start
/// before somebody changes the configuration, the pool file, the key or the store: a service manager need not try again.
#[derive(Debug, Parser)]
#[command(name = "pollux-node", version)]
struct Arguments {
    /// The configuration file [default: /etc/pollux/node.toml, if it is there]
    #[arg(long, env = "POLLUX_NODE_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Check the configuration, the pool file and the identity, say what would run, and end
    #[arg(long)]
    check_config: bool,
    /// Move the wall clock by so many seconds, to see what a wrong one does
    #[arg(long, hide = true, default_value_t = 0, allow_negative_numbers = true)]
    wall_clock_shift: i64,
    #[command(flatten)]
    overrides: Overrides,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print this node's peer id, and make its key if there is none
    ///
    /// It needs no pool file. In a pool where no token admits, `pollux pool admit` takes this id, before the node starts.
    PeerId,
    /// Check a store that no node has open: read every record, hash every chunk
    ///
    /// It compares what segments say of themselves with what is in them, and looks whether the chunks of every certified
    /// manifest are there. Nothing on disk is changed unless --repair says so. Exit status: 0 all is well or was repaired, 1
    /// something is wrong or missing, 78 there is no store there that this program knows.
    Check {
        /// Quarantine damaged records, as a node does that comes across them, and write footers anew
        ///
        /// The chunks in damaged records are gone: a node fetches them again when a job asks for them, a seed gets them back
        /// from members and other seeds that have them. What is missing so is named, and the status stays 1 until it is back.
        #[arg(long)]
        repair: bool,
        /// Print one JSON object, for machines
        #[arg(long)]
        json: bool,
    },
    /// What the operator of a seed does while it does not run
    #[command(subcommand)]
    Seed(SeedVerb),
    /// Write the manual pages into a directory that is there, for packages
    #[command(hide = true)]
    Man {
        /// The directory
        directory: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum SeedVerb {
    /// Begin the empty store of a new seed, once and before its very first start
    ///
    /// What --init-empty does at a start, for a seed that a service manager starts always alike. Run it as the user whom the
    /// store belongs to. A seed that joins others begins without it: it merges what they keep.
    Begin,
    /// Let a seed go on with a store that has lost something
    ///
    /// A seed whose disk was lost, or went back to an earlier state, signs nothing: it could vote twice, or call an old
    /// manifest the newest. Among enough other seeds it heals by itself. A lone one, or one of too many that were lost, needs
    /// this: it goes on with what its store has. What was published and is not there is gone, and has to be saved again.
    Recover {
        /// What this store has forgotten is lost
        #[arg(long, required = true)]
        accept_loss: bool,
    },
}

/// Why the program ends with another status than 0.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Driver(#[from] DriverFailed),
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A check found something that was not repaired, with what to do.
    #[error("the store is not sound")]
    Unsound(&'static str),
}

impl Failure {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Start(error) => error.hint(),
            Self::Unsound(hint) => Some(hint),
            Self::Config(_) | Self::Driver(_) | Self::Io(_) => None,
        }
    }

    /// Whether the next start may go better although nobody does anything.
    fn status(&self) -> ExitCode {
        let lasts = match self {
            Self::Config(_) => true,
            Self::Start(error) => error.lasts(),
            Self::Driver(_) | Self::Io(_) | Self::Unsound(_) => false,
        };
        if lasts { ExitCode::from(CONFIGURED_WRONG) } else { ExitCode::FAILURE }
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return no_arguments(&error),
    };
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let hint = failure.hint().map_or_else(String::new, |hint| format!("\n  hint: {hint}"));
            complain(&format!("pollux-node: {failure}{hint}"));
            failure.status()
        }
    }
}

/// Wrong usage, or what was asked for in place of a start: `--help`, `--version`.
fn no_arguments(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && is_journal() {
        complain(&error.render().to_string());
        return ExitCode::from(WRONG_USAGE);
    }
    error.exit()
}

fn start(arguments: Arguments) -> Result<(), Failure> {
    if let Some(Verb::Man { directory }) = &arguments.verb {
        return Ok(clap_mangen::generate_to(Arguments::command(), directory)?);
    }
    let clock = Clock::new(arguments.wall_clock_shift);
    let settings = Settings::new(read_config(arguments.config.as_deref())?, arguments.overrides)?;
    if let Some(Verb::Seed(verb)) = arguments.verb {
        return mark(&settings, clock, &verb);
    }
    if let Some(Verb::Check { repair, json }) = arguments.verb {
        return check_store(&settings, clock, repair, json);
    }
    if let Some(Verb::PeerId) = arguments.verb {
        return Ok(writeln!(io::stdout(), "{}", run::peer_id(&settings)?)?);
    }
    if arguments.check_config {
        return check_configuration(&settings, clock);
    }
    runtime(&settings)?.block_on(serve(&settings, clock))
}

/// The threads that do the work, with the niceness that the settings say.
fn runtime(settings: &Settings) -> io::Result<Runtime> {
    let nice = i32::from(settings.limits.nice);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = settings.limits.cpu_threads.and_then(|threads| usize::try_from(threads.get()).ok())
    {
        builder.worker_threads(threads.min(WORKER_THREADS_MAX));
    }
    builder
        .enable_all()
        .thread_name("pollux")
        .max_blocking_threads(BLOCKING_THREADS)
        .on_thread_start(move || be_nice(nice))
        .build()
}

/// On Linux a thread has a niceness of its own. Whoever started this program may have made it nicer than that already.
fn be_nice(nice: i32) {
    let nicer = getpriority_process(None).is_ok_and(|now| now < nice);
    if nicer && let Err(error) = setpriority_process(None, nice) {
        tracing::debug!(%error, nice, "a thread could not be made nicer");
    }
}

fn read_config(named: Option<&Path>) -> Result<ConfigFile, ConfigError> {
    match named {
        Some(path) => ConfigFile::read(path),
        None if Path::new(CONFIG).exists() => ConfigFile::read(Path::new(CONFIG)),
        None => Ok(ConfigFile::default()),
    }
}

fn check_configuration(settings: &Settings, clock: Clock) -> Result<(), Failure> {
    let outlook = run::check(settings, clock)?;
    let peer = outlook.peer.map_or_else(|| "a new one".to_owned(), |peer| peer.to_string());
    let mut out = io::stdout().lock();
    writeln!(out, "the configuration is good")?;
    writeln!(out, "  pool    {} ({})", outlook.pool, settings.pool.display())?;
    writeln!(out, "  peer    {} ({:?})", peer, settings.role)?;
    writeln!(out, "  listen  {:?}", settings.listen)?;
    writeln!(out, "  socket  {} (mode {:04o})", settings.socket.display(), settings.socket_mode)?;
    writeln!(out, "  store   {} ({})", settings.store.display(), room(settings))?;
    for pin in &settings.pins {
        writeln!(out, "  pinned  {pin}")?;
    }
    writeln!(out, "  log     {} ({:?})", settings.log, settings.log_format)?;
    if let Some(address) = settings.metrics {
        writeln!(out, "  metrics http://{address}/metrics")?;
    }
    Ok(())
}

/// Checks the store, which no node has open.
fn check_store(settings: &Settings, clock: Clock, repair: bool, json: bool) -> Result<(), Failure> {
    let mode = if repair { CheckMode::Repair } else { CheckMode::Look };
    let report = check::run(settings, clock, mode)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(&report).map_err(io::Error::from)?)?;
    } else {
        check::print(&mut out, &settings.store, &report)?;
    }
    if report.sound {
        return Ok(());
    }
    Err(Failure::Unsound(check::advice(&report, mode)))
}

/// How much of its file system the store takes.
fn room(settings: &Settings) -> String {
    let most = settings.store_bytes_max.map(|bytes| format!("at most {bytes} bytes"));
    let most = most.unwrap_or_else(|| "at most a tenth of its file system".to_owned());
    format!("{most}, leaves {} bytes free", settings.store_free_bytes_min)
}

/// What a seed's operator does while it does not run.
fn mark(settings: &Settings, clock: Clock, verb: &SeedVerb) -> Result<(), Failure> {
    let (epoch, what) = match verb {
        SeedVerb::Begin => (marker::begin_empty(settings, clock)?, "an empty store is begun"),
        SeedVerb::Recover { accept_loss: _ } => {
            (marker::accept_loss(settings, clock)?, "the loss is accepted")
        }
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{}: {what}; start the seed (epoch {epoch})", settings.store.display())?;
    Ok(())
}

async fn serve(settings: &Settings, clock: Clock) -> Result<(), Failure> {
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let node = Node::start(settings, clock).await?;
    say_ready(settings, &node)?;
    let (stop, stopped) = watch::channel(false);
    let mut running = tokio::spawn(node.run(stopped));
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        ended = &mut running => return ended.unwrap_or(Err(DriverFailed)).map_err(Failure::from),
    }
    notify(&[sd_notify::NotifyState::Stopping]);
    stop.send_replace(true);
    running.await.unwrap_or(Err(DriverFailed)).map_err(Failure::from)
}

/// One line for people and scripts, one message for the service manager.
fn say_ready(settings: &Settings, node: &Node) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let metrics = node.metrics().map_or_else(String::new, |address| format!(" metrics={address}"));
    writeln!(
        out,
        "ready peer={} listen={} socket={}{metrics}",
        node.peer(),
        // As configured: of several, one is no more what it listens on than the others.
        settings.place(node.listen()).listen.join(","),
        settings.socket.display()
    )?;
    out.flush()?;
    notify(&[sd_notify::NotifyState::Ready]);
    Ok(())
}

/// Without a service manager there is nobody to tell.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager was not told");
    }
}
