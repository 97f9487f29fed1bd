//! The TOML file.

use super::values;
use pollux_core::{Pattern, PeerRole, Zone};
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// Bytes of a file that is read at most: a configuration is a page, not a book.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The file, as written. Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// `node` (the default) or `seed`.
    pub role: Option<PeerRole>,
    /// The pool file.
    pub pool: Option<PathBuf>,
    /// Addresses to listen on for peers, `ADDRESS:PORT`; port 0 takes a free one.
    #[serde(default, deserialize_with = "values::addresses")]
    pub listen: Option<Vec<SocketAddr>>,
    /// The identity key: a file, or `credential:NAME` for what the service manager hands over (`LoadCredential=`). A node
    /// without one makes it in the runtime directory; a seed must have one.
    pub identity: Option<PathBuf>,
    /// The membership that an operator signed for this node with `pollux pool admit`, where the policy lets no token admit.
    /// It is read again whenever it changes, and need not be there yet.
    pub membership: Option<PathBuf>,
    /// The directory for what lives as long as the instance runs: the identity and the socket.
    pub runtime: Option<PathBuf>,
    /// Where this instance is: peers of one zone prefer each other. Any short name; none: as the policy places its address.
    pub zone: Option<Zone>,
    /// Of the job socket.
    #[serde(default)]
    pub socket: SocketSection,
    /// Of the chunk store.
    #[serde(default)]
    pub store: StoreSection,
    /// What of the machine is left to the job.
    #[serde(default)]
    pub limits: LimitsSection,
    /// Of the log.
    #[serde(default)]
    pub log: LogSection,
    /// Of the metrics endpoint.
    #[serde(default)]
    pub metrics: MetricsSection,
}

/// `[socket]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketSection {
    /// Where it is.
    pub path: Option<PathBuf>,
    /// Its mode, as octal text such as `"0666"`.
    pub mode: Option<String>,
    /// User ids that may connect; none: everybody whom the mode lets.
    pub users: Option<Vec<u32>>,
}

/// `[store]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// Its directory.
    pub directory: Option<PathBuf>,
    /// Bytes that it holds at most; none: a tenth of its file system.
    #[serde(default, deserialize_with = "values::bytes")]
    pub bytes_max: Option<u64>,
    /// Bytes that it leaves free on its file system.
    #[serde(default, deserialize_with = "values::bytes")]
    pub free_bytes_min: Option<u64>,
    /// Keys, or patterns of keys as in a policy: of each the content of the newest cache is never evicted.
    pub pins: Option<Vec<Pattern>>,
}

/// `[limits]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSection {
    /// Bytes of chunks that peers get each second at most, all together; none: as many as they take. 0: peers get nothing,
    /// and seeds what jobs publish.
    #[serde(default, deserialize_with = "values::bytes")]
    pub upload_bytes_per_second: Option<u64>,
    /// Threads that encrypt and that check what peers send, each; none: one for each core, and two to check.
    pub cpu_threads: Option<NonZeroU32>,
    /// Niceness of the node's threads, 0 to 19; none: 5 for a node, 0 for a seed.
    pub nice: Option<u8>,
}

/// `[log]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// `human` (the default) or `json`.
    pub format: Option<LogFormat>,
    /// What is logged, such as `info` or `pollux_node=debug`.
    pub filter: Option<String>,
}

/// `[metrics]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsSection {
    /// Where `/metrics`, `/livez` and `/readyz` are served, `ADDRESS:PORT`; none: nowhere. Port 0 takes a free one.
    #[serde(default, deserialize_with = "values::address")]
    pub listen: Option<SocketAddr>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value that must be given is not.
    #[error("{field} is not set: {hint}")]
    Missing {
        /// Its name in the file.
        field: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A value makes no sense.
    #[error("{field}: {why}")]
    Invalid {
        /// Its name in the file.
        field: &'static str,
        /// Why.
        why: String,
    },
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, or that is no configuration; unknown fields are named.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > FILE_BYTES_MAX {
            return Err(read(std::io::Error::other("too long for a configuration")));
        }
        let text = std::fs::read_to_string(path).map_err(read)?;
        let parse = |source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) };
        toml::from_str(&text).map_err(parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ConfigFile, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        ConfigFile::read(&path)
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        assert_eq!(read("").unwrap(), ConfigFile::default());
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = read("[store]\nbytes_maximum = 3\n").unwrap_err().to_string();
        assert!(error.contains("bytes_maximum"), "{error}");
        assert!(error.contains("bytes_max"), "{error}");
    }

    #[test]
    fn every_field_is_read() {
        let file = read(
            "role = \"seed\"\npool = \"/p\"\nlisten = [\"[::]:1\"]\nidentity = \"/i\"\nmembership = \"/m\"\nruntime = \"/r\"\n\
             zone = \"z\"\n\
             [socket]\npath = \"/s\"\nmode = \"0660\"\nusers = [1]\n[store]\ndirectory = \"/d\"\nbytes_max = 2\n\
             free_bytes_min = 3\n[limits]\nupload_bytes_per_second = 0\ncpu_threads = 1\nnice = 10\n\
             [log]\nformat = \"json\"\nfilter = \"debug\"\n[metrics]\nlisten = \"127.0.0.1:9480\"\n",
        )
        .unwrap();
        assert_eq!(file.role, Some(PeerRole::Seed));
        assert_eq!(file.membership, Some("/m".into()));
        assert_eq!(file.zone, Some("z".parse().unwrap()));
        assert_eq!(file.socket.users, Some(vec![1]));
        assert_eq!(file.store.bytes_max, Some(2));
        let limits = &file.limits;
        assert_eq!(
            (limits.upload_bytes_per_second, limits.cpu_threads, limits.nice),
            (Some(0), NonZeroU32::new(1), Some(10))
        );
        assert_eq!(file.log.format, Some(LogFormat::Json));
        assert_eq!(file.metrics.listen, Some("127.0.0.1:9480".parse().unwrap()));
    }

    #[test]
    fn a_zone_that_is_no_name_is_refused_with_what_is() {
        let error = read("zone = \"\"\n").unwrap_err().to_string();
        assert!(error.contains("eqiad-1"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = ConfigFile::read(Path::new("/nowhere/node.toml")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/node.toml"));
    }
}
