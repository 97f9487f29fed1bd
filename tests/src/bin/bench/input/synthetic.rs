//! A tree of text files that look like sources: the same bytes on every machine.

use super::Version;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// As many as a large `node_modules` has.
const FILES: u32 = 70_000;
/// Files of a directory.
const FILES_PER_DIRECTORY: u32 = 12;
/// Directories of a package.
const DIRECTORIES_PER_PACKAGE: u32 = 8;
/// Words that sources are made of; names that differ from file to file come on top.
const WORDS: [&str; 32] = [
    "const",
    "function",
    "return",
    "export",
    "import",
    "from",
    "=>",
    "{\n",
    "}\n",
    "(",
    ")",
    ";\n",
    "=",
    "if",
    "else",
    "this.",
    "null",
    "undefined",
    "string",
    "number",
    "//",
    "/** */\n",
    "require",
    "module.exports",
    "async",
    "await",
    "new",
    "class",
    "extends",
    "default",
    "'use strict';\n",
    "typeof",
];

/// One file in so many is another one in the second version, or is not there, in turn.
const CHANGES: u32 = 50;

/// Writes the tree into an empty directory.
pub(super) fn write(directory: &Path, version: Version) -> io::Result<()> {
    for number in (0..FILES).filter(|number| !is_gone(*number, version)) {
        let folder = number / FILES_PER_DIRECTORY;
        let path = directory.join(format!("package-{}/lib-{folder}", folder / DIRECTORIES_PER_PACKAGE));
        fs::create_dir_all(&path)?;
        let mut file = File::create(path.join(format!("module-{number}.js")))?;
        file.write_all(text(&mut Numbers(seed(number, version))).as_bytes())?;
    }
    Ok(())
}

fn is_gone(number: u32, version: Version) -> bool {
    version == Version::Second && number % (2 * CHANGES) == CHANGES
}

fn seed(number: u32, version: Version) -> u64 {
    let is_changed = version == Version::Second && number.is_multiple_of(2 * CHANGES);
    u64::from(if is_changed { number + FILES } else { number })
}

/// Sizes as they are in a `node_modules`: most files are small, most bytes are not in them.
fn text(numbers: &mut Numbers) -> String {
    let bytes = match numbers.below(100) {
        0..60 => 200 + numbers.below(4_000),
        60..90 => 4_000 + numbers.below(16_000),
        90..99 => 20_000 + numbers.below(60_000),
        _ => 100_000 + numbers.below(500_000),
    };
    let bytes = usize::try_from(bytes).unwrap_or_default();
    let mut text = String::with_capacity(bytes + 32);
    while text.len() < bytes {
        let choice = numbers.below(64);
        match WORDS.iter().zip(0..).find(|(_, index)| *index == choice) {
            Some((word, _)) => text += word,
            None => text += &format!("name{}", numbers.below(2_000)),
        }
        text.push(' ');
    }
    text
}

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_every_time_and_differ_from_file_to_file() {
        let one = |number| text(&mut Numbers(number));
        assert_eq!(one(7), one(7));
        assert_ne!(one(7), one(8));
        assert_eq!(Numbers(0).below(u64::MAX), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn of_the_second_version_some_files_differ_and_some_are_gone() {
        let of = |number| (seed(number, Version::First), seed(number, Version::Second));
        assert_ne!(of(0).0, of(0).1);
        assert_eq!(of(1).0, of(1).1);
        assert!(
            is_gone(50, Version::Second) && !is_gone(50, Version::First) && !is_gone(100, Version::Second)
        );
    }
}
