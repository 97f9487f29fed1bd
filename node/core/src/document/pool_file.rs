//! The pool file: all that an image needs to take part, and nothing secret.

use super::bounds::invalid;
use super::envelope::parse_strict;
use super::{DocumentError, Envelope};
use crate::limits::POOL_FILE_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// The pool's root and policy, so that a fresh instance starts from these and never from less, and a join token.
/// A JSON object of the fields below; the envelopes in their JSON form. Unknown fields are ignored unless `crit`
/// names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFile {
    /// Version of this format: 1.
    pub version: u32,
    /// A [`Root`](crate::Root). Whoever has the file trusts it: it is where trust begins.
    pub root: Envelope,
    /// A [`Policy`](crate::Policy).
    pub policy: Envelope,
    /// A [`Token`](crate::Token).
    pub token: Envelope,
}

impl PoolFile {
    /// The version that this program writes, and the only one that it reads.
    pub const VERSION: u32 = 1;

    /// Reads the file's text, as strictly as a document is read. No signature is looked at.
    ///
    /// # Errors
    /// If it is too long, does not parse, or has a version that this program does not know.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        /// What is read before all else: the rest of another version may look different.
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let fields = ["version", "root", "policy", "token"];
        let Version { version } = parse_strict(text.as_bytes(), POOL_FILE_BYTES_MAX, &fields)?;
        match version {
            0 => invalid("version", "0 is not a version"),
            Self::VERSION => parse_strict(text.as_bytes(), POOL_FILE_BYTES_MAX, &fields),
            newer => Err(DocumentError::Newer(newer)),
        }
    }

    /// The file's text: JSON on several lines, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "a number and three envelopes: no case can fail")]
        let mut text = serde_json::to_string_pretty(self).expect("a pool file has a JSON form");
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::pair;
    use crate::limits::DOCUMENT_BYTES_MAX;
    use proptest::prelude::*;

    fn envelope(kind: &str, bytes: usize) -> Envelope {
        let mut envelope =
            Envelope { payload_type: kind.to_owned(), payload: vec![b'x'; bytes], signatures: Vec::new() };
        envelope.add_signature(&pair(1));
        envelope
    }

    fn file() -> PoolFile {
        PoolFile { version: 1, root: envelope("r", 2), policy: envelope("p", 3), token: envelope("t", 1) }
    }

    #[test]
    fn it_is_written_so() {
        let short = |mut envelope: Envelope| {
            envelope.signatures.clear();
            envelope
        };
        let PoolFile { version, root, policy, token } = file();
        let file = PoolFile { version, root: short(root), policy: short(policy), token: short(token) };
        insta::assert_snapshot!(file.to_json(), @r#"
        {
          "version": 1,
          "root": {
            "payloadType": "r",
            "payload": "eHg=",
            "signatures": []
          },
          "policy": {
            "payloadType": "p",
            "payload": "eHh4",
            "signatures": []
          },
          "token": {
            "payloadType": "t",
            "payload": "eA==",
            "signatures": []
          }
        }
        "#);
        assert_eq!(PoolFile::from_json(&file.to_json()), Ok(file));
    }

    #[test]
    fn a_newer_file_says_so_whatever_else_is_in_it() {
        let newer = PoolFile::from_json(r#"{"version":2,"pool":{"root":7}}"#).unwrap_err();
        assert_eq!(newer.to_string(), "made by a newer pollux: its version is 2");
        let critical = file().to_json().replacen('{', r#"{"crit":["seal"],"seal":1,"#, 1);
        assert_eq!(PoolFile::from_json(&critical), Err(DocumentError::Critical("seal".to_owned())));
    }

    #[test]
    fn unknown_field_is_ignored() {
        let more = file().to_json().replacen('{', r#"{"note":{"by":["me"]},"#, 1);
        assert_eq!(PoolFile::from_json(&more), Ok(file()));
    }

    #[test]
    fn what_does_not_parse_is_refused() {
        let json = file().to_json();
        let refused = [
            String::new(),
            "[]".to_owned(),
            "{}".to_owned(),
            json.replace("\"version\": 1", "\"version\": \"1\""),
            json.replace("\"version\": 1", "\"version\": -1"),
            json.replacen('{', "{\"version\":1,", 1),
            json.replace("\"token\"", "\"tokens\""),
            json.replace("eA==", "eA"),
            json.get(..json.len() / 2).unwrap().to_owned(),
        ];
        for text in refused {
            assert!(matches!(PoolFile::from_json(&text), Err(DocumentError::Malformed(_))), "{text}");
        }
        assert_eq!(
            PoolFile::from_json(&json.replace("\"version\": 1", "\"version\": 0")),
            Err(DocumentError::Invalid { field: "version", why: "0 is not a version".to_owned() })
        );
    }

    #[test]
    fn length_is_bounded_and_the_longest_documents_fit() {
        let longest = |kind| envelope(kind, DOCUMENT_BYTES_MAX);
        let file = PoolFile { version: 1, root: longest("r"), policy: longest("p"), token: longest("t") };
        assert_eq!(PoolFile::from_json(&file.to_json()).as_ref(), Ok(&file));
        let endless = file.to_json() + &" ".repeat(POOL_FILE_BYTES_MAX);
        assert!(matches!(PoolFile::from_json(&endless), Err(DocumentError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = PoolFile::from_json(&text);
        }
    }
}
