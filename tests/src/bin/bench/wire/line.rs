//! The lines of JSON that the two processes print.

use serde::{Deserialize, Serialize};

/// The giver's first: where it listens. The taker gets it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listening {
    /// An address, or the name of a socket.
    pub(super) address: String,
    /// Who is to be found there: a peer id, a certificate, or nothing.
    pub(super) proof: String,
}

/// The giver's last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gave {
    /// CPU seconds.
    pub(super) cpu: f64,
}

/// The taker's only one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Took {
    /// Bytes of chunks.
    pub(super) bytes: u64,
    /// Wall time.
    pub(super) seconds: f64,
    /// CPU seconds.
    pub(super) cpu: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;

    fn is_written_as(line: &(impl Serialize + DeserializeOwned + PartialEq + Debug), text: &str) {
        assert_eq!(serde_json::to_string(line).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(text).unwrap(),
            serde_json::to_value(line).unwrap()
        );
    }

    #[test]
    fn each_line_is_what_the_other_side_reads() {
        let (address, proof) = ("127.0.0.1:4000".to_owned(), "who".to_owned());
        is_written_as(&Listening { address, proof }, r#"{"address":"127.0.0.1:4000","proof":"who"}"#);
        is_written_as(&Gave { cpu: 0.5 }, r#"{"cpu":0.5}"#);
        let took = Took { bytes: 262_144, seconds: 1.5, cpu: 0.25 };
        is_written_as(&took, r#"{"bytes":262144,"seconds":1.5,"cpu":0.25}"#);
    }
}
