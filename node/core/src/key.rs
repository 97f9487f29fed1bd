//! Keys, lineages, fallbacks and patterns.
use serde::{Deserialize, Serialize};
/// A cache's key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);
/// A key without its last segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage(String);
/// A lineage, optionally with the beginning of a last segment and `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fallback { lineage: Lineage, prefix: Option<String> }
/// What a publisher may sign: `*` is one segment, a final `**` one or more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);
/// Why a name does not parse. (variants: one per remedy)
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError { #[error("todo")] Todo }
impl Key { /** text */ pub fn as_str(&self) -> &str { &self.0 } /** lineage; a key of one segment has none */ pub fn lineage(&self) -> Option<Lineage> { todo!() } }
impl Lineage { /** text */ pub fn as_str(&self) -> &str { &self.0 } }
impl Fallback { /** does it match */ pub fn matches(&self, _key: &Key) -> bool { todo!() } /** lineage */ pub fn lineage(&self) -> &Lineage { &self.lineage } /** p */ pub fn prefix(&self) -> Option<&str> { self.prefix.as_deref() } }
impl Pattern { /** covers */ pub fn covers(&self, _key: &Key) -> bool { todo!() } /** text */ pub fn as_str(&self) -> &str { &self.0 } }
macro_rules! text { ($t:ident) => {
 impl std::str::FromStr for $t { type Err = KeyError; fn from_str(_: &str) -> Result<Self, KeyError> { todo!() } }
 impl std::fmt::Display for $t { fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { todo!() } }
 impl Serialize for $t { fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) } }
 impl<'de> Deserialize<'de> for $t { fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> { String::deserialize(d)?.parse().map_err(serde::de::Error::custom) } }
} }
text!(Key); text!(Lineage); text!(Fallback); text!(Pattern);
