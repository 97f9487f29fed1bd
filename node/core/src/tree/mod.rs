//! The listing of a directory, its rules, its encoding.
use crate::ChunkRef;
use core::ops::Range;
/// A checked tree: every rule of hostile input holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree { entries: Vec<Entry>, chunks: Vec<ChunkRef>, roots: Vec<String> }
/// One entry; `path` is relative to the base, components joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry { /** path */ pub path: String, /** mode & 0o777 */ pub mode: u16, /** modification time: ns since epoch */ pub modified_ns: i64, /** what */ pub kind: EntryKind }
/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file: `bytes` of content that begin at `offset` in the run-ordered concatenation of `Tree::chunks` (file content may straddle chunks). Empty files: bytes 0.
    File { /** plain bytes */ bytes: u64, /** where in the content */ offset: u64 },
    /// A directory.
    Directory,
    /// A relative symlink that stays inside.
    Symlink { /** its text */ target: String },
}
/// Which bytes of a chunk are a file's: index into chunks, range in the plain chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece { /** index */ pub chunk: u32, /** range in chunk */ pub range: Range<u32> }
/// Why a tree is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError { #[error("todo")] Todo }
impl Tree {
    /// Checks every rule. entries in order of path components; chunks in content order (a chunk that repeats is listed again in content order, ids may repeat).
    pub fn new(_roots: Vec<String>, _entries: Vec<Entry>, _chunks: Vec<ChunkRef>) -> Result<Self, TreeError> { todo!() }
    /// Encoded (deterministic; equal trees have equal bytes).
    pub fn encode(&self) -> Vec<u8> { todo!() }
    /// Bounded decode of foreign bytes, all rules checked.
    pub fn decode(_bytes: &[u8]) -> Result<Self, TreeError> { todo!() }
    /// entries in order
    pub fn entries(&self) -> &[Entry] { &self.entries }
    /// content chunks in order
    pub fn chunks(&self) -> &[ChunkRef] { &self.chunks }
    /// the paths under the base that were saved ("" means the base itself)
    pub fn roots(&self) -> &[String] { &self.roots }
    /// The pieces of a file, in order.
    pub fn pieces(&self, _bytes: u64, _offset: u64) -> Vec<Piece> { todo!() }
    /// Totals, which the manifest declares too.
    pub fn totals(&self) -> TreeTotals { todo!() }
}
/// Totals of a tree, declared by its manifest and checked against the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TreeTotals { /** files */ pub files: u64, /** directories */ pub directories: u64, /** symlinks */ pub symlinks: u64, /** plain bytes of all files */ pub bytes: u64, /** content chunks (entries of Tree::chunks) */ pub chunks: u32 }
