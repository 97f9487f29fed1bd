//! Key templates: `{project}/{branch}/{job}/{preset}/{os}{release}-{arch}/{lock}`.
//!
//! ```text
//! template  = segment *( "/" segment )
//! segment   = 1*( literal / "{" variable "}" )
//! literal   = a character that a key's segment may have: A-Z a-z 0-9 . _ + @ = % -
//! variable  = project | branch | job | pipeline | preset | os | release | arch | lock
//! ```
//!
//! What a variable stands for is percent-encoded, so it never brings a `/` along. `{project}` and `{branch}` are segments of
//! their own, so that one project is one segment. `{lock}` stands in the last segment, alone or after something; `{os}`,
//! `{release}` and `{arch}` are compulsory, and all stand in segments before it: what was built for one platform never falls
//! back to another.

use crate::printable::printable;
use core::fmt;
use core::str::FromStr;
use pollux_core::{Key, KeyError};

/// A template of keys. See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    segments: Vec<Vec<Piece>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Variable(Variable),
}

/// What a template may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// The project, one segment.
    Project,
    /// The branch, one segment.
    Branch,
    /// The job.
    Job,
    /// The pipeline or event.
    Pipeline,
    /// The preset's name.
    Preset,
    /// The operating system.
    Os,
    /// Its release.
    Release,
    /// The processor's architecture.
    Arch,
    /// A hash of the lock files.
    Lock,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no such variable.
    #[error("there is no variable `{{{found}}}`{}; there are {}", near.map(|near| format!(" (`{{{near}}}`?)")).unwrap_or_default(), Variable::names())]
    Unknown {
        /// What stands there.
        found: String,
        /// The nearest name.
        near: Option<&'static str>,
    },
    /// A brace without its other.
    #[error("a `{{` or `}}` without the other")]
    Brace,
    /// `{project}` or `{branch}` beside something else.
    #[error("`{{{0}}}` must be a segment of its own")]
    NotAlone(&'static str),
    /// All of the platform that is not there.
    #[error(
        "missing: {}; `{{os}}`, `{{release}}` and `{{arch}}` are compulsory, each in a segment before that of `{{lock}}`",
        .0.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(", ")
    )]
    NotBefore(Vec<&'static str>),
    /// `{lock}` is missing, or stands elsewhere.
    #[error("`{{lock}}` must stand in the last segment, once, and last in it")]
    Lock,
    /// What it makes is no key.
    #[error("it makes no key: {0}")]
    Key(#[from] KeyError),
}

impl Variable {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Project,
        Self::Branch,
        Self::Job,
        Self::Pipeline,
        Self::Preset,
        Self::Os,
        Self::Release,
        Self::Arch,
        Self::Lock,
    ];

    /// As templates write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Branch => "branch",
            Self::Job => "job",
            Self::Pipeline => "pipeline",
            Self::Preset => "preset",
            Self::Os => "os",
            Self::Release => "release",
            Self::Arch => "arch",
            Self::Lock => "lock",
        }
    }

    fn names() -> String {
        let names: Vec<String> =
            Self::ALL.iter().map(|variable| format!("{{{}}}", variable.name())).collect();
        names.join(" ")
    }
}

/// The name among some that is nearest to what somebody wrote, if one is near.
pub(super) fn nearest<'a>(found: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.into_iter().map(|name| (strsim::damerau_levenshtein(found, name), name));
    let (distance, name) = scored.min()?;
    (distance <= 1 + name.len() / 4).then_some(name)
}

impl Template {
    /// The key, where each variable stands for something. An unset one is a `-`.
    ///
    /// # Errors
    /// A key that is too long.
    pub fn fill<'a>(&self, value: impl Fn(Variable) -> Option<&'a str>) -> Result<Key, KeyError> {
        let piece = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable(variable) => Key::segment_of(value(*variable).unwrap_or("-")),
        };
        let segments: Vec<String> =
            self.segments.iter().map(|pieces| pieces.iter().map(piece).collect()).collect();
        segments.join("/").parse()
    }

    /// Which variables it names.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let pieces = self.segments.iter().flatten();
        pieces
            .filter_map(|piece| if let Piece::Variable(variable) = piece { Some(*variable) } else { None })
            .collect()
    }

    fn check(&self) -> Result<(), TemplateError> {
        for alone in [Variable::Project, Variable::Branch] {
            let mut beside = self.segments.iter().filter(|segment| segment.len() > 1);
            if beside.any(|segment| segment.contains(&Piece::Variable(alone))) {
                return Err(TemplateError::NotAlone(alone.name()));
            }
        }
        let (last, before) = self.segments.split_last().ok_or(TemplateError::Lock)?;
        let lock = Piece::Variable(Variable::Lock);
        let count = self.segments.iter().flatten().filter(|piece| **piece == lock).count();
        if last.last() != Some(&lock) || count != 1 {
            return Err(TemplateError::Lock);
        }
        let is_missing =
            |needed: &Variable| !before.iter().flatten().any(|piece| *piece == Piece::Variable(*needed));
        let missing = [Variable::Os, Variable::Release, Variable::Arch].into_iter().filter(is_missing);
        let missing: Vec<&str> = missing.map(Variable::name).collect();
        if !missing.is_empty() {
            return Err(TemplateError::NotBefore(missing));
        }
        self.fill(|_| Some("x"))?;
        Ok(())
    }
}

fn pieces(segment: &str) -> Result<Vec<Piece>, TemplateError> {
    let (mut pieces, mut rest) = (Vec::new(), segment);
    while !rest.is_empty() {
        let (literal, more) = rest.split_once('{').unwrap_or((rest, ""));
        if literal.contains('}') {
            return Err(TemplateError::Brace);
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        if literal.len() == rest.len() {
            break;
        }
        let (name, after) = more.split_once('}').ok_or(TemplateError::Brace)?;
        pieces.push(Piece::Variable(variable(name)?));
        rest = after;
    }
    Ok(pieces)
}

fn variable(name: &str) -> Result<Variable, TemplateError> {
    let found = Variable::ALL.into_iter().find(|variable| variable.name() == name);
    found.ok_or_else(|| TemplateError::Unknown {
        found: printable(&name.chars().take(40).collect::<String>()),
        near: nearest(name, Variable::ALL.map(Variable::name)),
    })
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let segments = text.split('/').map(pieces).collect::<Result<_, _>>()?;
        let template = Self { text: text.to_owned(), segments };
        template.check()?;
        Ok(template)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USUAL: &str = "{project}/{branch}/{job}/{preset}/{os}{release}-{arch}/{lock}";

    #[test]
    fn what_a_variable_stands_for_is_encoded() {
        let key = USUAL.parse::<Template>().unwrap().fill(|variable| match variable.name() {
            "project" => Some("mediawiki/core"),
            "branch" => Some("wmf/1.45"),
            "job" => None,
            other => Some(other),
        });
        assert_eq!(key.unwrap().as_str(), "mediawiki%2Fcore/wmf%2F1.45/-/preset/osrelease-arch/lock");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let unknown = |found: &str, near| TemplateError::Unknown { found: found.to_owned(), near };
        for (text, why) in [
            ("{projekt}/{lock}", unknown("projekt", Some("project"))),
            ("{zzz}", unknown("zzz", None)),
            ("{project", TemplateError::Brace),
            ("a}b", TemplateError::Brace),
            ("x-{project}/{os}{release}{arch}/{lock}", TemplateError::NotAlone("project")),
            ("{project}/{os}{release}/{lock}-{arch}", TemplateError::Lock),
            ("{project}/{os}{release}/{arch}-{lock}", TemplateError::NotBefore(vec!["arch"])),
            ("{project}/{lock}", TemplateError::NotBefore(vec!["os", "release", "arch"])),
            ("{project}/{os}{release}{arch}", TemplateError::Lock),
            ("{lock}/{os}{release}{arch}/{lock}", TemplateError::Lock),
        ] {
            assert_eq!(text.parse::<Template>(), Err(why), "{text}");
        }
        let said = "{project}/{release}/{lock}".parse::<Template>().unwrap_err().to_string();
        assert!(said.starts_with("missing: `{os}`, `{arch}`;") && said.contains("compulsory"), "{said}");
        assert!(matches!("{os}/{release}/{arch}//{lock}".parse::<Template>(), Err(TemplateError::Key(_))));
        assert!(matches!("ä/{os}{release}{arch}/{lock}".parse::<Template>(), Err(TemplateError::Key(_))));
    }

    proptest! {
        #[test]
        fn whatever_a_project_is_called_it_is_one_segment(name in any::<String>()) {
            let template: Template = USUAL.parse().unwrap();
            let filled = template.fill(|variable| if variable == Variable::Project { Some(&name) } else { Some("x") });
            if let Ok(key) = filled {
                prop_assert_eq!(key.as_str().split('/').count(), 6);
            }
        }

        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop(text.parse::<Template>());
        }
    }
}
