//! `pollux pool`

use super::exit::{Failure, Kind};
use super::{Done, output};
use clap::{Args, Subcommand};
use pollux_client::pool::{InitError, InitRequest, Made, init};
use pollux_core::{Network, Pattern};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Make and keep pools
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(Init),
}

/// Make a pool: its keys, its policy, and the public pool file, in a new directory
///
/// The directory then holds `pool.json` (public: every image needs it), `root.pem` and `admission.pem` (keep them off
/// every machine of the pool), `publisher.pem` (for the trusted pipeline that saves), `seed.pem` (for the seed), and
/// `seed.toml` and `node.toml` to start from. Nothing is ever overwritten.
#[derive(Debug, Args)]
struct Init {
    /// The directory; it must not be there, or be empty
    directory: PathBuf,
    /// The pool's name
    #[arg(long, default_value = "ci")]
    name: String,
    /// Where nodes reach the seed, HOST:PORT
    #[arg(long, value_name = "HOST:PORT")]
    seed: String,
    /// A network whose members may be dialled, CIDR or CIDR=ZONE [default: private networks, and the seed's own if it
    /// is on loopback]
    #[arg(long, value_name = "CIDR", value_parser = parse_network)]
    network: Vec<Network>,
    /// Keys that the publisher may bind; `*` is one segment, `**` at the end one or more
    #[arg(long, value_name = "PATTERN", default_value = "**")]
    publish: Vec<Pattern>,
    /// Days until the policy must be renewed
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u64).range(1..=3650))]
    policy_days: u64,
    /// Print one JSON object instead of words
    #[arg(long)]
    json: bool,
}

fn parse_network(text: &str) -> Result<Network, String> {
    pollux_client::pool::network(text).map_err(|error| error.to_string())
}

impl Arguments {
    /// Whether the result is for scripts.
    pub(super) const fn json(&self) -> bool {
        match &self.verb {
            Verb::Init(init) => init.json,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    match &arguments.verb {
        Verb::Init(init) => run_init(init),
    }
}

fn run_init(arguments: &Init) -> Done {
    let request = InitRequest {
        directory: arguments.directory.clone(),
        name: arguments.name.clone(),
        seed_address: arguments.seed.clone(),
        networks: arguments.network.clone(),
        patterns: arguments.publish.clone(),
        policy_days: arguments.policy_days,
        now: pollux_client::clock::now(),
    };
    let made = init(&request).map_err(failure)?;
    if arguments.json {
        return output::print_json(&InitReport::of(&arguments.directory, &made));
    }
    output::print(&words(&arguments.directory, &made))
}

fn failure(error: InitError) -> Failure {
    match error {
        InitError::NotEmpty(_) => Failure::new(Kind::Usage, error)
            .hint("name a directory that is not there yet; keys are never overwritten"),
        InitError::Policy(_) | InitError::Network(_) | InitError::Address(_) => {
            Failure::new(Kind::Usage, error)
        }
        InitError::Io { .. } | InitError::Key(_) => Failure::new(Kind::Directory, error),
    }
}

fn words(directory: &Path, made: &Made) -> String {
    let directory = directory.display();
    format!(
        "pool {} is made in {directory}\n\
         \x20 pool.json      public: put it into every image as /etc/pollux/pool.json\n\
         \x20 seed.pem       for the seed {}\n\
         \x20 publisher.pem  for the trusted pipeline that saves\n\
         \x20 root.pem, admission.pem  sign policies and tokens: keep them off the pool's machines\n\
         next:\n\
         \x20 pollux-node --config {directory}/seed.toml --init-empty   (the very first time; then without the flag)\n\
         \x20 pollux-node --config {directory}/node.toml\n\
         \x20 pollux save KEY DIRECTORY --signing-key {directory}/publisher.pem",
        made.name, made.seed,
    )
}

#[derive(Debug, Serialize)]
struct InitReport {
    pool: String,
    directory: PathBuf,
    seed: String,
    publisher: String,
    root: String,
}

impl InitReport {
    fn of(directory: &Path, made: &Made) -> Self {
        Self {
            pool: made.name.clone(),
            directory: directory.to_owned(),
            seed: made.seed.to_string(),
            publisher: made.publisher.to_string(),
            root: made.root.to_string(),
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
