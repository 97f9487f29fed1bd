//! A change as a file, between the machines of its signers: JSON,
//! `{"version": 1, "of": {"root": digest, "policy": digest}, "root": envelope, "policy": envelope}`, the root left out
//! where it stays. The digests name the root and the policy that it follows. Nothing in it is secret, and nothing is
//! believed before its signatures are.

use super::change::{Change, ChangeError, Of};
use pollux_core::Envelope;
use pollux_core::limits::POOL_FILE_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    of: Of,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<Envelope>,
    policy: Envelope,
}

/// What is read first: another version may look different.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

pub(super) fn read(text: &str) -> Result<Change, ChangeError> {
    if text.len() > POOL_FILE_BYTES_MAX {
        return Err(ChangeError::Form("it is too long".to_owned()));
    }
    let form = |error: serde_json::Error| ChangeError::Form(error.to_string());
    let Version { version } = serde_json::from_str(text).map_err(form)?;
    if version != VERSION {
        return Err(ChangeError::Newer(version));
    }
    let Form { of, root, policy, .. } = serde_json::from_str(text).map_err(form)?;
    Ok(Change { of, root, policy })
}

pub(super) fn write(change: &Change) -> String {
    let Change { of, root, policy } = change.clone();
    #[expect(clippy::expect_used, reason = "a number, two digests and two envelopes: no case can fail")]
    let mut text = serde_json::to_string_pretty(&Form { version: VERSION, of, root, policy })
        .expect("a change has a JSON form");
    text.push('\n');
    text
}
