//! Lists and texts of foreign messages, bounded while they are read: a claimed length over the bound is refused
//! before anything is reserved for it.
//!
//! Used as `#[serde(deserialize_with = "bounded::list::<_, _, MAX>")]`; what is written does not change.

use core::fmt;
use core::marker::PhantomData;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// Elements for which memory is reserved before they are read.
const RESERVED_MAX: usize = 16;

/// Reads a list of at most `MAX` elements.
///
/// # Errors
/// The deserializer's own, or that the list is longer.
pub(crate) fn list<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(ListVisitor::<T, MAX>(PhantomData))
}

/// Reads a text of at most `MAX` bytes.
///
/// # Errors
/// The deserializer's own, or that the text is longer.
pub(crate) fn text<'de, D, const MAX: usize>(deserializer: D) -> Result<String, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(TextVisitor::<MAX>)
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let claimed = sequence.size_hint().unwrap_or(0);
        if claimed > MAX {
            return Err(A::Error::invalid_length(claimed, &self));
        }
        // The rest is reserved as it comes: who claims much and sends little gets little.
        let mut list = Vec::with_capacity(claimed.min(RESERVED_MAX));
        while let Some(element) = sequence.next_element()? {
            if list.len() == MAX {
                return Err(A::Error::invalid_length(MAX.saturating_add(1), &self));
            }
            list.push(element);
        }
        Ok(list)
    }
}

struct TextVisitor<const MAX: usize>;

impl<const MAX: usize> Visitor<'_> for TextVisitor<MAX> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text of at most {MAX} bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        if text.len() > MAX {
            return Err(E::invalid_length(text.len(), &self));
        }
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde::de::value::SeqDeserializer;

    #[derive(Debug, Deserialize)]
    struct Sample {
        #[serde(deserialize_with = "super::list::<_, _, 3>")]
        list: Vec<u8>,
        #[serde(deserialize_with = "super::text::<_, 4>")]
        text: String,
    }

    fn read(list: &[u8], text: &str) -> Option<Sample> {
        let bytes = postcard::to_stdvec(&(list, text)).unwrap();
        postcard::from_bytes(&bytes).ok()
    }

    #[test]
    fn at_the_bound_is_read_and_over_it_is_not() {
        let sample = read(&[1, 2, 3], "four").unwrap();
        assert_eq!((sample.list.as_slice(), sample.text.as_str()), ([1, 2, 3].as_slice(), "four"));
        assert!(read(&[1, 2, 3, 4], "four").is_none());
        assert!(read(&[1, 2, 3], "fives").is_none());
    }

    #[test]
    fn json_without_a_claimed_length_is_bounded_too() {
        assert!(serde_json::from_str::<Sample>(r#"{"list":[1,2,3],"text":""}"#).is_ok());
        assert!(serde_json::from_str::<Sample>(r#"{"list":[1,2,3,4],"text":""}"#).is_err());
    }

    #[test]
    fn a_claimed_length_over_the_bound_is_refused_before_any_element_is_read() {
        let unread = (0..4).map(|_| -> u8 { panic!("an element was read") });
        let claims_four = SeqDeserializer::<_, serde::de::value::Error>::new(unread);
        assert!(super::list::<_, u8, 3>(claims_four).is_err());
    }

    #[test]
    fn a_claimed_length_of_nearly_everything_reserves_nothing() {
        let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(postcard::from_bytes::<Sample>(&huge).is_err());
    }
}
