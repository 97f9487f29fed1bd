//! The presets that come along, and a user's own over them.

use super::preset::{Preset, PresetError, Written};
use super::template::nearest;
use crate::printable::printable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes of a file of presets at most.
const PRESETS_BYTES_MAX: usize = 256 * 1024;
/// Characters of a line that is shown again at most.
const LINE_CHARACTERS_MAX: usize = 200;
/// The version of the format.
const VERSION: u32 = 1;

/// Those that come along, a file each.
const BUILT_IN: [&str; 12] = [
    include_str!("../../presets/pip.toml"),
    include_str!("../../presets/uv.toml"),
    include_str!("../../presets/npm.toml"),
    include_str!("../../presets/yarn.toml"),
    include_str!("../../presets/pnpm.toml"),
    include_str!("../../presets/composer.toml"),
    include_str!("../../presets/bundler.toml"),
    include_str!("../../presets/cargo.toml"),
    include_str!("../../presets/go.toml"),
    include_str!("../../presets/maven.toml"),
    include_str!("../../presets/gradle.toml"),
    include_str!("../../presets/apt.toml"),
];

/// Presets by name.
#[derive(Clone, Debug, Default)]
pub struct Presets(BTreeMap<String, Preset>);

/// Why presets cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresetsError {
    /// It is no such file.
    #[error("{0}")]
    Malformed(String),
    /// One of them is wrong.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// There is none of that name.
    #[error("there is no preset `{found}`{}", near.as_ref().map(|near| format!("; is `{near}` meant?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        found: String,
        /// The nearest name.
        near: Option<String>,
    },
    /// Two that are used together would write over each other.
    #[error("presets `{one}` and `{other}` both claim {path}")]
    Clash {
        /// The first.
        one: String,
        /// The second.
        other: String,
        /// What both claim.
        path: String,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    preset: BTreeMap<String, Written>,
}

impl Presets {
    /// Those that come along.
    ///
    /// # Errors
    /// None: a test reads them all.
    pub fn built_in() -> Result<Self, PresetsError> {
        let mut presets = Self::default();
        BUILT_IN.iter().try_for_each(|text| presets.extend(text))?;
        Ok(presets)
    }

    /// Adds and changes presets by a file's text.
    ///
    /// # Errors
    /// What is no such file, with the line; a preset that cannot be used.
    pub fn extend(&mut self, text: &str) -> Result<(), PresetsError> {
        if text.len() > PRESETS_BYTES_MAX {
            return Err(PresetsError::Malformed(format!("longer than {PRESETS_BYTES_MAX} bytes")));
        }
        let file: File =
            toml::from_str(text).map_err(|error| PresetsError::Malformed(lines(&error.to_string())))?;
        if file.version != VERSION {
            let why = format!("version {} of the format; this program reads version {VERSION}", file.version);
            return Err(PresetsError::Malformed(why));
        }
        for (name, written) in file.preset {
            let preset = Preset::of(&name, written, self.0.get(&name))?;
            self.0.insert(name, preset);
        }
        Ok(())
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Preset> {
        self.0.values()
    }

    /// One.
    ///
    /// # Errors
    /// There is none of that name; the nearest is told.
    pub fn find(&self, name: &str) -> Result<&Preset, PresetsError> {
        self.0.get(name).ok_or_else(|| PresetsError::Unknown {
            found: printable(&name.chars().take(80).collect::<String>()),
            near: nearest(name, self.0.keys().map(String::as_str)).map(str::to_owned),
        })
    }
}

impl Preset {
    /// As a file of presets that has this one, with all its fields. Over a preset of that name it changes nothing.
    ///
    /// # Errors
    /// None: a preset has nothing that the format has not.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let preset = BTreeMap::from([(self.name.clone(), Written::from(self))]);
        toml::to_string_pretty(&File { version: VERSION, preset })
    }
}

/// What a parser says, with the line that is wrong: safe for a terminal, and no line longer than anybody reads.
fn lines(said: &str) -> String {
    let line = |line: &str| printable(&line.chars().take(LINE_CHARACTERS_MAX).collect::<String>());
    let lines: Vec<String> = said.lines().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::preset::Prune;
    use super::*;
    use pollux_packages::Program;
    use proptest::prelude::*;

    fn extended(text: &str) -> Result<Presets, PresetsError> {
        let mut presets = Presets::built_in().unwrap();
        presets.extend(text).map(|()| presets)
    }

    #[test]
    fn there_is_one_for_each_program() {
        let presets = Presets::built_in().unwrap();
        for program in Program::ALL {
            let preset = presets.find(program.name()).unwrap();
            assert_eq!(preset.program, Some(program));
            assert!(!preset.about.is_empty() && !preset.environment.is_empty(), "{}", preset.name);
        }
        assert_eq!(presets.iter().count(), 12);
    }

    #[test]
    fn a_users_file_goes_over_what_comes_along() {
        let presets = extended("version = 1\n[preset.npm]\nbytes_max = \"1GB\"\nprune.generations = 2\n[preset.mine]\nbase = \"~/m\"").unwrap();
        let npm = presets.find("npm").unwrap();
        assert_eq!(
            (npm.bytes_max, npm.prune.generations, npm.program),
            (1_000_000_000, 2, Some(Program::Npm))
        );
        let mine = presets.find("mine").unwrap();
        assert_eq!(
            (mine.prune.by, mine.key.to_string().as_str()),
            (Prune::Never, super::super::preset::TEMPLATE)
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            ("version = 2", "version 2 of the format"),
            ("version = 1\n[preset.npm]\nbaes = \"x\"", "baes"),
            ("version = 1\n[preset.x]", "base: it must be named"),
            ("version = 1\n[preset.npm]\nbase = \"npm\"", "begin with"),
            ("version = 1\n[preset.npm]\npaths = [\"../x\"]", "`../x`"),
            ("version = 1\n[preset.npm]\nexclude = [\"a[\"]", "exclude"),
            ("version = 1\n[preset.npm]\nlock_files = [\"a/b\"]", "no name of a file"),
            ("version = 1\n[preset.npm]\nkey = \"{projct}\"", "`{project}`?"),
            ("version = 1\n[preset.x]\nbase = \"/\"", "`/` is the whole machine"),
            ("version = 1\n[preset.x]\nbase = \"//./\"", "is the whole machine"),
            ("version = 1\n[preset.npm]\nbase = \"~\"", "`~` is the whole home"),
            ("version = 1\n[preset.npm]\nbase = \"~/\"", "is the whole home"),
            ("version = 1\n[preset.npm]\nbase = \"~/..\"", "`..` may not stand in it"),
            ("version = 1\n[preset.npm]\nkey = \"{project}/{os}/{lock}\"", "missing: `{release}`, `{arch}`;"),
            ("version = 1\n[preset.npm]\nbytes_max = \"2 GX\"", "GiB"),
            ("version = 1\n[preset.npm]\nbytes_max = 1.5", "\"0.3MB\""),
            ("version = 1\n[preset.x]\nbase = \"/x\"\nprune.by = \"use\"", "pruning by use needs `program`"),
            (
                "version = 1\n[preset.x]\nbase = \"/x\"\nprune.generations = 5",
                "pruning by use needs `program`",
            ),
            ("version = 1\n[preset.npm]\nprune.by = \"command\"", "`command` must be named"),
            ("version = 1\n[preset.npm]\nprune.generations = 101", "0 to 100"),
            ("version = 1\n[preset.npm]\nenvironment = { \"A=B\" = \"x\" }", "no name of a variable"),
            ("version = 1\n[preset.npm]\nenvironment = { A = \"{bsae}\" }", "`{bsae}` stands for nothing"),
            ("version = 1\n[preset.npm]\nfiles = { a = \"{before}\" }", "`{before}` stands for nothing"),
            ("version = 1\n[preset.npm]\nbytes_max = 0", "nothing is as small"),
            ("version = 1\n[preset.\"N P M\"]\nbase = \"/x\"", "a name is"),
            ("version = 1\n[preset.npm]\nprogram = \"nmp\"", "nmp"),
            ("versio", "line 1"),
        ];
        let said = |text| extended(text).map_or_else(|error| error.to_string(), |_| "taken".to_owned());
        let cases = cases.iter().map(|(text, says)| (text, says, said(text)));
        let other: Vec<_> = cases.filter(|(_, says, said)| !said.contains(*says)).collect();
        assert!(other.is_empty(), "{other:#?}");
    }

    #[test]
    fn without_a_program_nothing_is_pruned_by_use() {
        let presets = extended(
            "version = 1\n[preset.a]\nbase = \"/a\"\nprune.by = \"command\"\nprune.command = [\"x\"]\n\
             [preset.b]\nbase = \"/b\"\nprune.by = \"never\"\n[preset.c]\nbase = \"/c\"\nprogram = \"npm\"",
        );
        let presets = presets.unwrap();
        let by = |name| presets.find(name).unwrap().prune.by;
        assert_eq!((by("a"), by("b"), by("c")), (Prune::Command, Prune::Never, Prune::Use));
    }

    /// Read where nothing is known yet: what the text does not name is not as it was.
    fn again(preset: &Preset) -> Preset {
        let mut alone = Presets::default();
        let text = preset.to_toml().unwrap();
        alone.extend(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        alone.find(&preset.name).unwrap().clone()
    }

    #[test]
    fn every_preset_that_comes_along_is_written_and_read_again() {
        for preset in Presets::built_in().unwrap().iter() {
            assert_eq!(&again(preset), preset);
        }
    }

    #[test]
    fn a_preset_is_written_with_all_its_fields() {
        let text = Presets::built_in().unwrap().find("uv").unwrap().to_toml().unwrap();
        assert!(text.starts_with("version = 1\n\n[preset.uv]\n"), "{text}");
        for field in [
            "about",
            "program",
            "base",
            "base_variables",
            "paths",
            "exclude",
            "lock_files",
            "key",
            "bytes_max",
            "by",
            "command",
            "generations",
        ] {
            assert!(text.contains(&format!("\n{field} = ")), "{field}: {text}");
        }
        for table in ["environment", "files", "prune"] {
            assert!(text.contains(&format!("\n[preset.uv.{table}]\n")), "{table}: {text}");
        }
    }

    proptest! {
        #[test]
        fn a_preset_of_ones_own_is_written_and_read_again(
            about in any::<String>(),
            files in prop::collection::btree_map("[a-z]{1,4}", any::<String>(), 0..3),
            environment in prop::collection::btree_map("[A-Z]{1,4}", any::<String>(), 0..3),
            bytes_max in 0..=i64::MAX.unsigned_abs(),
        ) {
            let mut presets = Presets::default();
            presets.extend("version = 1\n[preset.mine]\nbase = \"/x\"").unwrap();
            let mine = presets.find("mine").unwrap().clone();
            let mine = Preset { about, files, environment, bytes_max, ..mine };
            prop_assert_eq!(again(&mine), mine);
        }
    }

    #[test]
    fn what_an_error_says_is_short_and_moves_no_cursor() {
        let long = "x".repeat(9000);
        for text in [
            "version = 1\n[preset.\"\\u001b[2J\"]\nbase = \"/x\"".to_owned(),
            "version = 1\n[preset.npm]\npaths = [\"../\\u001b[2J\"]".to_owned(),
            "version = \u{1b}[2J".to_owned(),
            format!("version = \"{long}\" \u{1b}"),
            format!("version = 1\n[preset.\"{long}\"]\nbase = \"/x\""),
            format!("version = 1\n[preset.npm]\nlock_files = [\"{long}/\"]"),
            format!("version = 1\n[preset.npm]\nprogram = \"{long}\""),
        ] {
            let said = extended(&text).unwrap_err().to_string();
            let moves = |letter: char| letter.is_control() && letter != '\n';
            assert!(said.len() < 2000 && !said.contains(moves), "{said:?}");
        }
    }

    #[test]
    fn the_nearest_name_is_told() {
        let presets = Presets::built_in().unwrap();
        let error = presets.find("nmp").unwrap_err();
        assert_eq!(error.to_string(), "there is no preset `nmp`; is `npm` meant?");
        assert_eq!(presets.find("quibble").unwrap_err().to_string(), "there is no preset `quibble`");
    }
}
