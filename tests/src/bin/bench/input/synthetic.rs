//! A tree of text files that look like sources: the same bytes on every machine.

use super::Version;
use std::fs;
use std::io;
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

/// One file in so many becomes another one in the second version, is there no more, or is new, in turn.
const CHANGES: u32 = 50;
const TWICE: u32 = 2 * CHANGES;

/// What happens to a file in the second version.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Changes,
    Goes,
    Comes,
}

/// Writes the first version into an empty directory, or what differs in the second over the first.
pub(super) fn write(directory: &Path, version: Version) -> io::Result<()> {
    for number in 0..FILES {
        let folder = number / FILES_PER_DIRECTORY;
        let path = directory.join(format!("package-{}/lib-{folder}", folder / DIRECTORIES_PER_PACKAGE));
        let file = path.join(format!("module-{number}.js"));
        match (version, fate(number)) {
            (Version::First, Fate::Comes) | (Version::Second, Fate::Stays) => {}
            (Version::First, _) | (Version::Second, Fate::Comes) => {
                fs::create_dir_all(&path)?;
                fs::write(file, text(&mut Numbers(u64::from(number))))?;
            }
            (Version::Second, Fate::Changes) => {
                fs::write(file, text(&mut Numbers(u64::from(number + FILES))))?;
            }
            (Version::Second, Fate::Goes) => fs::remove_file(file)?,
        }
    }
    Ok(())
}

const fn fate(number: u32) -> Fate {
    match number % (3 * CHANGES) {
        0 => Fate::Changes,
        CHANGES => Fate::Goes,
        TWICE => Fate::Comes,
        _ => Fate::Stays,
    }
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
    fn in_the_second_version_as_many_files_differ_as_go_and_as_come() {
        let count = |wanted| (0..FILES).filter(|number| fate(*number) == wanted).count();
        let counts = [Fate::Changes, Fate::Goes, Fate::Comes].map(count);
        assert!(counts.iter().all(|count| (466..=467).contains(count)), "{counts:?}");
    }
}
