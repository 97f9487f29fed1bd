//! Closed lists that a later release may lengthen: reasons, which travel as numbers.
//!
//! A reason says why something was not done. Who reads one that it does not know can still go on: it knows that the thing was
//! not done. So a number that is in no list is read as [`Numbered::unknown`], has words and a name like any other, and is
//! written again as the same number. Lists that say what to *do*, what something *is* or who somebody is stay strict: an
//! unknown one of those cannot be acted on.
//!
//! In binary a reason is its place in [`Numbered::KNOWN`] (varint). In JSON it is its name; an unknown one is `unknown-17`.

use core::fmt::{self, Debug};
use serde::{Deserialize, Deserializer, Serializer, de};

/// What an unknown one is called where names are counted, so that a peer cannot make up names.
pub const UNKNOWN: &str = "unknown";

/// A list that a later release may lengthen, at its end only.
pub trait Numbered: Copy + PartialEq + Debug + 'static {
    /// All that this release knows, in the order of the wire.
    const KNOWN: &'static [Self];

    /// A short name; of an unknown one [`UNKNOWN`].
    fn name(self) -> &'static str;

    /// One that this release does not know, by its number.
    fn unknown(number: u32) -> Self;

    /// The number of one that this release does not know.
    fn as_unknown(self) -> Option<u32>;

    /// The one of this number, known or not.
    #[must_use]
    fn of_number(number: u32) -> Self {
        let known = usize::try_from(number).ok().and_then(|place| Self::KNOWN.get(place));
        known.copied().unwrap_or_else(|| Self::unknown(number))
    }

    /// Its number on the wire.
    #[must_use]
    fn number(self) -> u32 {
        let place = || Self::KNOWN.iter().position(|known| *known == self);
        let known = || place().and_then(|place| u32::try_from(place).ok());
        self.as_unknown().or_else(known).unwrap_or(u32::MAX)
    }

    /// The one of this name as JSON has it, if it is one.
    #[must_use]
    fn of_name(name: &str) -> Option<Self> {
        let unknown = || name.strip_prefix(UNKNOWN)?.strip_prefix('-')?.parse().ok().map(Self::of_number);
        Self::KNOWN.iter().find(|known| known.name() == name).copied().or_else(unknown)
    }
}

/// Writes one: its number, or in text its name.
///
/// # Errors
/// The serializer's own.
pub fn serialize<T: Numbered, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if !serializer.is_human_readable() {
        return serializer.serialize_u32(value.number());
    }
    match value.as_unknown() {
        Some(number) => serializer.collect_str(&format_args!("{UNKNOWN}-{number}")),
        None => serializer.serialize_str(value.name()),
    }
}

/// Reads one: any number; in text a name that is known, or that of an unknown number.
///
/// # Errors
/// The deserializer's own, or a name that is none.
pub fn deserialize<'de, T: Numbered, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    if deserializer.is_human_readable() {
        return deserializer.deserialize_str(NameVisitor(core::marker::PhantomData));
    }
    u32::deserialize(deserializer).map(T::of_number)
}

struct NameVisitor<T>(core::marker::PhantomData<T>);

impl<T: Numbered> de::Visitor<'_> for NameVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a reason")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<T, E> {
        T::of_name(name).ok_or_else(|| E::invalid_value(de::Unexpected::Str(name), &self))
    }
}

/// Makes a [`Numbered`] list of an enum that has `ALL`, `name` and a variant `Unknown(u32)`, and has serde read and write it so.
macro_rules! numbered {
    ($($list:ty),+ $(,)?) => {$(
        impl $crate::numbered::Numbered for $list {
            const KNOWN: &'static [Self] = &Self::ALL;

            fn name(self) -> &'static str {
                Self::name(self)
            }

            fn unknown(number: u32) -> Self {
                Self::Unknown(number)
            }

            fn as_unknown(self) -> Option<u32> {
                if let Self::Unknown(number) = self { Some(number) } else { None }
            }
        }

        impl serde::Serialize for $list {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::numbered::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $list {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::numbered::deserialize(deserializer)
            }
        }
    )+};
}
pub(crate) use numbered;
