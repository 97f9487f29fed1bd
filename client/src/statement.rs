//! The unsigned statement: what `pollux save --unsigned-out` writes on an instance, and `pollux sign` reads elsewhere.
//!
//! A JSON object of at most [`STATEMENT_BYTES_MAX`] bytes:
//!
//! | field | what |
//! |---|---|
//! | `version` | 1. Read before all else: another version may look different |
//! | `manifest` | a DSSE envelope without signatures, an object of the next three |
//! | `manifest.payloadType` | `application/vnd.pollux.manifest.v1+json` |
//! | `manifest.payload` | the manifest as JSON, of at most 256 KiB, in base64: the bytes that a publisher's key signs |
//! | `manifest.signatures` | an empty array |
//!
//! Fields that are not known are ignored; none may stand twice. The manifest has no `grant`: that is the signer's to
//! add, as is the provenance. Nothing else is needed to publish: the node that made the statement holds its chunks.
//!
//! Whoever reads one must take it for hostile: the instance that wrote it runs what it is told to.

use pollux_core::limits::ENVELOPE_JSON_BYTES_MAX;
use pollux_core::{DocumentError, Envelope, Manifest};
use serde::{Deserialize, Serialize};

/// Bytes of a statement's file at most: an envelope, and room for the rest.
pub const STATEMENT_BYTES_MAX: usize = ENVELOPE_JSON_BYTES_MAX + 1024;

/// Characters of the JSON reader's words that are repeated: they may quote a stranger.
const WORDS_MAX: usize = 200;

/// A manifest that nobody has signed. See the module for its form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    version: u32,
    manifest: Envelope,
}

impl Statement {
    /// The version that this program writes, and the only one that it reads.
    pub const VERSION: u32 = 1;

    /// States a manifest.
    #[must_use]
    pub fn new(manifest: &Manifest) -> Self {
        Self { version: Self::VERSION, manifest: Envelope::unsigned(manifest) }
    }

    /// The manifest, with bounds and consistency checked; nothing that it says is believed.
    ///
    /// # Errors
    /// A body that is no manifest or breaks a rule, signatures, or a grant.
    pub fn manifest(&self) -> Result<Manifest, DocumentError> {
        let refuse = |field, why: &str| Err(DocumentError::Invalid { field, why: why.to_owned() });
        if !self.manifest.signatures.is_empty() {
            return refuse("signatures", "it is signed already, and no statement to sign");
        }
        let manifest: Manifest = self.manifest.body()?;
        if manifest.grant.is_some() {
            return refuse("grant", "a statement brings no grant: that is the signer's");
        }
        Ok(manifest)
    }

    /// The file's text, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "a number and an envelope: no case can fail")]
        let mut text = serde_json::to_string_pretty(self).expect("a statement has a JSON form");
        text.push('\n');
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// If it is too long, does not parse, or has a version that this program does not know.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        /// What is read before all else.
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let (bytes, bytes_max) = (text.len(), STATEMENT_BYTES_MAX);
        if bytes > bytes_max {
            return Err(DocumentError::TooLong { bytes, bytes_max });
        }
        let Version { version } = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        match version {
            0 => Err(DocumentError::Invalid { field: "version", why: "0 is not a version".to_owned() }),
            Self::VERSION => serde_json::from_str(text).map_err(|error| malformed(&error)),
            newer => Err(DocumentError::Newer(newer)),
        }
    }
}

/// The reader's words, cut short and without what a terminal would obey.
pub(crate) fn malformed(error: &serde_json::Error) -> DocumentError {
    let words = error.to_string();
    let words = words.chars().flat_map(char::escape_debug).take(WORDS_MAX);
    DocumentError::Malformed(words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::manifest;
    use pollux_core::KeyPair;
    use proptest::prelude::*;

    #[test]
    fn it_is_written_so() {
        let statement = Statement { version: 1, manifest: Envelope { payload: b"{}".to_vec(), ..plain() } };
        insta::assert_snapshot!(statement.to_json(), @r#"
        {
          "version": 1,
          "manifest": {
            "payloadType": "application/vnd.pollux.manifest.v1+json",
            "payload": "e30=",
            "signatures": []
          }
        }
        "#);
    }

    fn plain() -> Envelope {
        Statement::new(&manifest()).manifest
    }

    #[test]
    fn what_was_stated_is_read() {
        let statement = Statement::new(&manifest());
        let read = Statement::from_json(&statement.to_json()).unwrap();
        assert_eq!((read.manifest().unwrap(), read), (manifest(), statement));
    }

    #[test]
    fn the_bytes_are_those_that_are_signed() {
        let signed = Envelope::sign(&manifest(), &KeyPair::from_seed([7; 32]));
        assert_eq!(plain().payload, signed.payload);
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        let json = Statement::new(&manifest()).to_json();
        let wrong = [
            String::new(),
            "[]".to_owned(),
            "{}".to_owned(),
            json.replace("\"version\": 1", "\"version\": -1"),
            json.replacen('{', "{\"version\":1,", 1),
            json.replace("\"signatures\"", "\"payload\""),
            json.replace("\"payload\"", "\"body\""),
            json.get(..json.len() / 2).unwrap().to_owned(),
            "[".repeat(STATEMENT_BYTES_MAX),
        ];
        for text in wrong {
            assert!(matches!(Statement::from_json(&text), Err(DocumentError::Malformed(_))), "{text}");
        }
        let newer = json.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(Statement::from_json(&newer), Err(DocumentError::Newer(2)));
        let endless = json.clone() + &" ".repeat(STATEMENT_BYTES_MAX);
        assert!(matches!(Statement::from_json(&endless), Err(DocumentError::TooLong { .. })));
        let more = json.replacen('{', "{\"note\":[1],", 1);
        assert!(Statement::from_json(&more).is_ok(), "what is not known is passed over");
    }

    #[test]
    fn words_of_a_stranger_are_cut_short_and_harmless() {
        let text = format!("{{\"version\": \"\u{1b}[31m{}\"}}", "x".repeat(10_000));
        let words = Statement::from_json(&text).unwrap_err().to_string();
        assert!(words.len() < 300 && !words.contains('\u{1b}'), "{words}");
    }

    #[test]
    fn what_is_signed_or_granted_or_no_manifest_is_no_statement() {
        let field = |envelope: Envelope| match (Statement { version: 1, manifest: envelope }).manifest() {
            Err(DocumentError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(Envelope::sign(&manifest(), &KeyPair::from_seed([7; 32]))), "signatures");
        assert_eq!(field(Envelope::unsigned(&Manifest { grant: Some(plain()), ..manifest() })), "grant");
        assert_eq!(field(Envelope::unsigned(&Manifest { generation: 65, ..manifest() })), "generation");
        let other = Envelope { payload_type: "application/vnd.pollux.yank.v1+json".to_owned(), ..plain() };
        let other = Statement { version: 1, manifest: other }.manifest();
        assert!(matches!(other, Err(DocumentError::Type { .. })));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", payload: Vec<u8>) {
            drop(Statement::from_json(&text));
            drop(Statement { version: 1, manifest: Envelope { payload, ..plain() } }.manifest());
        }
    }
}
