//! `pollux pool init`

use crate::cli::exit::{Failure, Kind};
use crate::cli::{Done, output};
use clap::Args;
use pollux_client::pool::{InitError, InitRequest, Made, MadeSeed, Quorum, init, init_strict};
use pollux_core::{Network, Pattern};
use serde::Serialize;
use std::path::PathBuf;

/// Make a pool: its keys, its policy, and the public pool file, in a new directory
///
/// The directory then holds `pool.json` (public: every image needs it), `root.pem`, `admission.pem` and `yank.pem` (keep
/// them off every machine of the pool; the last one takes back what was published), `publisher.pem` (for the trusted
/// pipeline that saves), `seed.pem` (for the seed), and `seed.toml` and `node.toml` to start from. Nothing is ever
/// overwritten.
///
/// With several seeds there are `seed-1.pem`, `seed-1.toml` and so on. How many must agree follows from their number:
/// 1 seed: 1 makes a certificate, 1 an answer, 0 may lie; 2 and 3: 2, 2, 0; 4: 3, 3, 1; 7: 5, 5, 2.
///
/// Examples:
///
///   pollux pool init pool --seed seed.example.org:4480
///
///   pollux pool init pool --seed a.example.org:4480 --seed b.example.org:4480 --seed c.example.org:4480
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The directory; it must not be there, or be empty
    directory: PathBuf,
    /// The pool's name
    #[arg(long, default_value = "ci")]
    name: String,
    /// Where nodes reach a seed, HOST:PORT; once for each of 1 to 16 seeds
    #[arg(long, value_name = "HOST:PORT", required = true)]
    seed: Vec<String>,
    /// A network whose members may be dialled, CIDR or CIDR=ZONE [default: private networks, and loopback
    /// for seeds that are on it; `pollux pool add-network` changes them later]
    #[arg(long, value_name = "CIDR", value_parser = parse_network)]
    network: Vec<Network>,
    /// Keys that the publisher may bind; `*` is one segment, `**` at the end one or more
    #[arg(long, value_name = "PATTERN", default_value = "**")]
    publish: Vec<Pattern>,
    /// Days until the policy must be renewed
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=3650))]
    policy_days: u64,
    /// Let nobody in by the join token: `pollux pool admit` signs a membership for each node (`pollux pool admission`
    /// changes it later)
    #[arg(long)]
    strict: bool,
    /// Print one JSON object instead of words
    #[arg(long)]
    pub(super) json: bool,
}

/// `CIDR` or `CIDR=ZONE`, for the parser of the command line.
pub(super) fn parse_network(text: &str) -> Result<Network, String> {
    pollux_client::pool::network(text).map_err(|error| error.to_string())
}

pub(super) fn run(arguments: &Init) -> Done {
    let request = InitRequest {
        directory: arguments.directory.clone(),
        name: arguments.name.clone(),
        seed_addresses: arguments.seed.clone(),
        networks: arguments.network.clone(),
        patterns: arguments.publish.clone(),
        policy_days: arguments.policy_days,
        now: pollux_client::clock::now(),
    };
    let make = if arguments.strict { init_strict } else { init };
    let made = make(&request).map_err(failure)?;
    if arguments.json {
        return output::print_json(&InitReport::of(arguments, &made));
    }
    output::print(&words(arguments, &made))
}

fn failure(error: InitError) -> Failure {
    match error {
        InitError::NotEmpty(_) => Failure::new(Kind::Usage, error)
            .hint("name a directory that is not there yet; keys are never overwritten"),
        InitError::Policy(_) | InitError::Network(_) | InitError::Address(_) | InitError::TooManySeeds(_) => {
            Failure::new(Kind::Usage, error)
        }
        InitError::Io { .. } | InitError::Key(_) => Failure::new(Kind::Directory, error),
    }
}

fn words(arguments: &Init, made: &Made) -> String {
    let directory = arguments.directory.display();
    let mut text = format!(
        "pool {} is made in {directory}\n\
         \x20 pool.json      public: put it into every image as /etc/pollux/pool.json\n",
        made.name,
    );
    for MadeSeed { peer, name } in &made.seeds {
        text += &format!("  {:<14} for the seed {peer}\n", format!("{name}.pem"));
    }
    text += "  publisher.pem  for the trusted pipeline that saves\n\
             \x20 yank.pem       takes back what was published: keep it where it is at hand, off the pool's machines\n\
             \x20 root.pem, admission.pem  sign policies and tokens: keep them off the pool's machines\n";
    let Quorum { write, read, faulty } = made.quorum;
    if made.seeds.len() > 1 {
        let seeds = made.seeds.len();
        text +=
            &format!("of {seeds} seeds {write} make a certificate and {read} an answer, {faulty} may lie\n");
    }
    text + &next(arguments, made)
}

/// Commands that do what is next, one after the other.
fn next(arguments: &Init, made: &Made) -> String {
    let directory = arguments.directory.display();
    let mut text = "next (`seed begin` once, before the very first start of a seed):\n".to_owned();
    for MadeSeed { name, .. } in &made.seeds {
        text += &format!(
            "  pollux-node --config {directory}/{name}.toml seed begin\n\
             \x20 pollux-node --config {directory}/{name}.toml &\n"
        );
    }
    if arguments.strict {
        text += &format!(
            "  pollux pool admit PEER --address IP --pool {directory}/pool.json --admission-key \
             {directory}/admission.pem --out {directory}/membership.json   (for each node: no token lets it in)\n"
        );
    }
    text + &format!(
        "  pollux-node --config {directory}/node.toml &\n\
         \x20 export POLLUX_SOCKET={directory}/node/run/pollux.sock\n\
         \x20 until pollux status; do sleep 1; done\n\
         \x20 pollux save KEY DIRECTORY --signing-key {directory}/publisher.pem"
    )
}

#[derive(Debug, Serialize)]
struct InitReport {
    pool: String,
    directory: PathBuf,
    seed: String,
    publisher: String,
    root: String,
    seeds: Vec<String>,
    write: u32,
    read: u32,
    faulty: u32,
    strict: bool,
}

impl InitReport {
    fn of(arguments: &Init, made: &Made) -> Self {
        Self {
            pool: made.name.clone(),
            directory: arguments.directory.clone(),
            seed: made.seeds.first().map(|seed| seed.peer.to_string()).unwrap_or_default(),
            publisher: made.publisher.to_string(),
            root: made.root.to_string(),
            seeds: made.seeds.iter().map(|seed| seed.peer.to_string()).collect(),
            write: made.quorum.write,
            read: made.quorum.read,
            faulty: made.quorum.faulty,
            strict: arguments.strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollux_client::key_file::KeyFileError;
    use std::io;

    #[test]
    fn every_pool_that_is_not_made_has_its_kind() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let table = [
            (InitError::NotEmpty("/x".into()), Kind::Usage),
            (InitError::Address("seed".to_owned()), Kind::Usage),
            (InitError::Network(pollux_client::pool::network("10.0.0.0/99").unwrap_err()), Kind::Usage),
            (InitError::Io { path: "/x".into(), source: full() }, Kind::Directory),
            (InitError::Key(KeyFileError::Io { path: "/x".into(), source: full() }), Kind::Directory),
        ];
        for (error, kind) in table {
            let words = error.to_string();
            let failure = failure(error);
            assert_eq!((failure.kind, failure.message.as_str()), (kind, words.as_str()));
        }
        assert!(failure(InitError::NotEmpty("/x".into())).hint.is_some());
    }
}
