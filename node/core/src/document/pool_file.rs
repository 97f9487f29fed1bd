//! The pool file: all that an image needs, nothing secret.
use crate::{DocumentError, Envelope};
use serde::{Deserialize, Serialize};
/// root, policy and a join token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolFile { /** 1 */ pub version: u32, pub root: Envelope, pub policy: Envelope, pub token: Envelope }
impl PoolFile { /** parse bounded JSON */ pub fn from_json(_text: &str) -> Result<Self, DocumentError> { todo!() } /** pretty JSON */ pub fn to_json(&self) -> String { todo!() } }
