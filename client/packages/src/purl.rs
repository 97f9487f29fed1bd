//! Names of packages: `pkg:npm/%40babel/core@7.29.0`, after the Package URL specification (ECMA-427).
//!
//! Only what names a package and its version: type, namespace, name, version, qualifiers. Namespaces are one or more
//! segments joined by `/`. Each part is percent-encoded as the specification says; types that compare names without case
//! are lowered by whoever makes the purl (`pypi` also writes `-` for `_`), for only it knows its type's rule.

use core::fmt;
use core::str::FromStr;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes of a purl at most; names and versions of all registries are far shorter.
pub const PURL_BYTES_MAX: usize = 2048;

/// What stands as it is, in every part.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');
/// In a version `+` is common, and encoded; nothing else differs.
const QUALIFIER: &AsciiSet = &ENCODED.remove(b'/');

/// A package, mostly of one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Purl {
    kind: String,
    namespace: Vec<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
}

/// Why a text is no purl.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    /// See [`PURL_BYTES_MAX`].
    #[error("longer than {PURL_BYTES_MAX} bytes")]
    TooLong,
    /// It does not begin with `pkg:`.
    #[error("a package's name begins with `pkg:`, as `pkg:npm/left-pad@1.3.0`")]
    NoScheme,
    /// A part that must be there is empty, or is not what may stand there.
    #[error("its {0} is missing or malformed")]
    Part(&'static str),
}

impl Purl {
    /// A package of a type (`npm`, `cargo`) and name, without version or namespace.
    #[must_use]
    pub fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_ascii_lowercase(),
            namespace: Vec::new(),
            name: name.to_owned(),
            version: None,
            qualifiers: BTreeMap::new(),
        }
    }

    /// With a namespace (`@babel`, `github.com/spf13`); an empty one is none.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        self
    }

    /// With a version; an empty one is none.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = (!version.is_empty()).then(|| version.to_owned());
        self
    }

    /// With a qualifier (`arch`, `amd64`); an empty value is none.
    #[must_use]
    pub fn qualifier(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.qualifiers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        self
    }

    /// The type: `npm`, `pypi`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Namespace and name, joined by `/`, as people write them.
    #[must_use]
    pub fn full_name(&self) -> String {
        let parts: Vec<&str> = self.namespace.iter().chain([&self.name]).map(String::as_str).collect();
        parts.join("/")
    }

    /// The namespace, its segments joined by `/`, if it has one.
    #[must_use]
    pub fn namespace_text(&self) -> Option<String> {
        (!self.namespace.is_empty()).then(|| self.namespace.join("/"))
    }

    /// The name without the namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if it names one.
    #[must_use]
    pub fn version_text(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether it is read again as it is written: a name or version with control characters is not, nor one that is too
    /// long or empty.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.to_string().parse::<Self>().is_ok_and(|read| read == *self)
    }

    /// The same without qualifiers: lock files mostly do not tell them.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { qualifiers: BTreeMap::new(), ..self.clone() }
    }

    /// The same without its version.
    #[must_use]
    pub fn unversioned(&self) -> Self {
        Self { version: None, ..self.clone() }
    }

    /// The same without version and qualifiers: every version of a package.
    #[must_use]
    pub fn any_version(&self) -> Self {
        Self { version: None, ..self.bare() }
    }

    /// Whether this is the package that `asked` names: all that `asked` tells is told here, too.
    #[must_use]
    pub fn is(&self, asked: &Self) -> bool {
        let version = asked.version.is_none() || asked.version == self.version;
        let mut qualifiers = asked.qualifiers.iter();
        version
            && (&self.kind, &self.namespace, &self.name) == (&asked.kind, &asked.namespace, &asked.name)
            && qualifiers.all(|(name, value)| self.qualifiers.get(name) == Some(value))
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "pkg:{}/", self.kind)?;
        for segment in &self.namespace {
            write!(out, "{}/", utf8_percent_encode(segment, ENCODED))?;
        }
        write!(out, "{}", utf8_percent_encode(&self.name, ENCODED))?;
        if let Some(version) = &self.version {
            write!(out, "@{}", utf8_percent_encode(version, ENCODED))?;
        }
        for (number, (name, value)) in self.qualifiers.iter().enumerate() {
            let mark = if number == 0 { '?' } else { '&' };
            write!(out, "{mark}{name}={}", utf8_percent_encode(value, QUALIFIER))?;
        }
        Ok(())
    }
}

fn decoded(text: &str, part: &'static str) -> Result<String, PurlError> {
    let plain = percent_decode_str(text).decode_utf8().map_err(|_| PurlError::Part(part))?;
    if plain.is_empty() || plain.chars().any(char::is_control) {
        return Err(PurlError::Part(part));
    }
    Ok(plain.into_owned())
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        if text.len() > PURL_BYTES_MAX {
            return Err(PurlError::TooLong);
        }
        let rest = text.strip_prefix("pkg:").ok_or(PurlError::NoScheme)?.trim_start_matches('/');
        // A subpath names a place in a package, which is nothing that a cache knows.
        let (rest, _) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/').ok_or(PurlError::Part("type"))?;
        let is_kind = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        if kind.is_empty() || !kind.chars().all(is_kind) {
            return Err(PurlError::Part("type"));
        }
        let (path, version) =
            match rest.rsplit_once('@').filter(|(path, _)| !path.is_empty() && !path.ends_with('/')) {
                Some((path, version)) => (path, Some(decoded(version, "version")?)),
                None => (rest, None),
            };
        let mut segments: Vec<String> = Vec::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            segments.push(decoded(segment, "name")?);
        }
        let name = segments.pop().ok_or(PurlError::Part("name"))?;
        let kind = kind.to_ascii_lowercase();
        let mut purl = Self { kind, namespace: segments, name, version, qualifiers: BTreeMap::new() };
        for qualifier in qualifiers.split('&').filter(|qualifier| !qualifier.is_empty()) {
            let (name, value) = qualifier.split_once('=').ok_or(PurlError::Part("qualifier"))?;
            if name.is_empty() || !name.chars().all(|letter| is_kind(letter) || letter == '_') {
                return Err(PurlError::Part("qualifier"));
            }
            purl = purl.qualifier(name, &decoded(value, "qualifier")?);
        }
        // What was not encoded is longer when it is.
        if purl.to_string().len() > PURL_BYTES_MAX { Err(PurlError::TooLong) } else { Ok(purl) }
    }
}

impl From<Purl> for String {
    fn from(purl: Purl) -> Self {
        purl.to_string()
    }
}

impl TryFrom<String> for Purl {
    type Error = PurlError;

    fn try_from(text: String) -> Result<Self, PurlError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_written_as_the_specification_says() {
        let babel = Purl::new("npm", "core").namespace("@babel").version("7.0.0");
        assert_eq!(babel.to_string(), "pkg:npm/%40babel/core@7.0.0");
        let deb =
            Purl::new("deb", "libstdc++6").namespace("debian").version("1:2~3+b1").qualifier("arch", "amd64");
        assert_eq!(deb.to_string(), "pkg:deb/debian/libstdc%2B%2B6@1:2~3%2Bb1?arch=amd64");
        let go = Purl::new("golang", "cobra").namespace("github.com/spf13").version("v1.8.0");
        assert_eq!(go.to_string(), "pkg:golang/github.com/spf13/cobra@v1.8.0");
        assert_eq!(go.full_name(), "github.com/spf13/cobra");
        assert_eq!((go.namespace_text().as_deref(), go.name()), (Some("github.com/spf13"), "cobra"));
        assert_eq!(Purl::new("npm", "x").namespace_text(), None);
    }

    #[test]
    fn what_is_no_purl_is_refused() {
        for (text, why) in [
            ("npm/left-pad", PurlError::NoScheme),
            ("pkg:npm", PurlError::Part("type")),
            ("pkg:/x", PurlError::Part("type")),
            ("pkg:npm/", PurlError::Part("name")),
            ("pkg:npm/x@%00", PurlError::Part("version")),
            ("pkg:npm/x?a", PurlError::Part("qualifier")),
            ("pkg:npm/x?=a", PurlError::Part("qualifier")),
            ("pkg:npm/x?a\u{1b}=a", PurlError::Part("qualifier")),
            ("pkg:npm/%FF", PurlError::Part("name")),
        ] {
            assert_eq!(text.parse::<Purl>(), Err(why), "{text}");
        }
        assert_eq!(
            format!("pkg:npm/{}", "x".repeat(PURL_BYTES_MAX)).parse::<Purl>(),
            Err(PurlError::TooLong)
        );
    }

    #[test]
    fn what_would_be_too_long_when_it_is_written_is_refused() {
        let text = format!("pkg:npm/{}", "ü".repeat(PURL_BYTES_MAX / 3));
        assert_eq!(text.parse::<Purl>(), Err(PurlError::TooLong));
    }

    #[test]
    fn what_is_asked_for_may_leave_out_version_and_qualifiers() {
        let held: Purl = "pkg:deb/debian/curl@8.1?arch=amd64".parse().unwrap();
        for (asked, is) in [
            ("pkg:deb/debian/curl", true),
            ("pkg:deb/debian/curl@8.1", true),
            ("pkg:deb/debian/curl@8.1?arch=amd64", true),
            ("pkg:deb/debian/curl@8.2", false),
            ("pkg:deb/debian/curl?arch=arm64", false),
            ("pkg:deb/ubuntu/curl", false),
        ] {
            assert_eq!(held.is(&asked.parse().unwrap()), is, "{asked}");
        }
    }

    proptest! {
        #[test]
        fn a_purl_that_is_written_is_read_again(
            namespace in "([^/\\p{Cc}]{1,8}(/[^/\\p{Cc}]{1,8}){0,2})?", name in "[^\\p{Cc}]{1,12}", version in "[^\\p{Cc}]{0,12}",
        ) {
            let purl = Purl::new("npm", &name).namespace(&namespace).version(&version).qualifier("arch", "x y&z");
            prop_assert_eq!(purl.to_string().parse::<Purl>(), Ok(purl));
        }

        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            drop(text.parse::<Purl>());
            drop(format!("pkg:{text}").parse::<Purl>());
        }
    }
}
