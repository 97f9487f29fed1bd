//! `MessagePack`, read from a file in which long byte strings stay where they are.
//!
//! After the format's specification. Bounded: values in values, how many, and how many bytes of text; libraries for it hold
//! all of a file in memory, and the bodies of responses are whole packages.

use std::io::{self, Read, Seek, SeekFrom};

/// Values in values at most.
const DEPTH_MAX: usize = 32;
/// Values at most.
const VALUES_MAX: usize = 100_000;
/// Bytes of all texts at most.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    /// Where in the file they are.
    Bytes {
        start: u64,
        bytes: u64,
    },
    Number(u64),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// What nobody here asks for: nothing, truth values, other numbers, extensions.
    Other,
}

impl Value {
    /// What a map has under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The values of a list, or those of a map without their names.
    pub(crate) fn items(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match self {
            Self::List(items) => Box::new(items.iter()),
            Self::Map(pairs) => Box::new(pairs.iter().map(|(_, value)| value)),
            Self::Text(_) | Self::Bytes { .. } | Self::Number(_) | Self::Other => {
                Box::new(core::iter::empty())
            }
        }
    }
}

/// Reads one value from where the file stands.
///
/// # Errors
/// What the system says; what is no value, or exceeds a bound.
pub(crate) fn read<R: Read + Seek>(mut file: R) -> io::Result<Value> {
    let bytes_left = TEXT_BYTES_MAX;
    let (start, end) = (file.stream_position()?, file.seek(SeekFrom::End(0))?);
    file.seek(SeekFrom::Start(start))?;
    Reader { file, at: start, end, values_left: VALUES_MAX, bytes_left }.value(0)
}

struct Reader<R> {
    file: R,
    at: u64,
    end: u64,
    values_left: usize,
    bytes_left: usize,
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<R: Read + Seek> Reader<R> {
    fn value(&mut self, depth: usize) -> io::Result<Value> {
        let left = self.values_left.checked_sub(1).filter(|_| depth < DEPTH_MAX);
        self.values_left = left.ok_or_else(|| wrong("too many values"))?;
        let mark = self.number(1)?;
        match mark {
            0x00..=0x7f => Ok(Value::Number(mark)),
            0x80..=0x8f => self.map(mark & 0x0f, depth),
            0x90..=0x9f => self.list(mark & 0x0f, depth),
            0xa0..=0xbf => self.text(mark & 0x1f),
            0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Ok(Value::Other),
            0xc4..=0xc6 => self.length(mark - 0xc4).and_then(|bytes| self.bytes(bytes)),
            0xc7..=0xc9 => self.length(mark - 0xc7).and_then(|bytes| self.other(bytes.saturating_add(1))),
            0xca => self.other(4),
            0xcb => self.other(8),
            0xcc..=0xcf => self.number(1 << (mark - 0xcc)).map(Value::Number),
            0xd0..=0xd3 => self.other(1 << (mark - 0xd0)),
            0xd4..=0xd8 => self.other((1 << (mark - 0xd4)) + 1),
            0xd9..=0xdb => self.length(mark - 0xd9).and_then(|bytes| self.text(bytes)),
            0xdc | 0xdd => self.length(mark - 0xdb).and_then(|count| self.list(count, depth)),
            0xde | 0xdf => self.length(mark - 0xdd).and_then(|count| self.map(count, depth)),
            _ => Err(wrong("no value begins so")),
        }
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, power: u64) -> io::Result<u64> {
        self.number(1 << power)
    }

    fn number(&mut self, bytes: u64) -> io::Result<u64> {
        let mut number = 0;
        for _ in 0..bytes {
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            number = (number << 8) | u64::from(u8::from_be_bytes(byte));
        }
        self.at += bytes;
        Ok(number)
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let at = self.at.checked_add(bytes).filter(|at| *at <= self.end);
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        self.file.seek(SeekFrom::Start(self.at)).map(|_| ())
    }

    fn bytes(&mut self, bytes: u64) -> io::Result<Value> {
        let start = self.at;
        self.skip(bytes)?;
        Ok(Value::Bytes { start, bytes })
    }

    fn other(&mut self, bytes: u64) -> io::Result<Value> {
        self.skip(bytes)?;
        Ok(Value::Other)
    }

    fn text(&mut self, bytes: u64) -> io::Result<Value> {
        let wanted = usize::try_from(bytes).ok().filter(|bytes| *bytes <= self.bytes_left);
        let wanted = wanted.ok_or_else(|| wrong("too much text"))?;
        self.bytes_left -= wanted;
        let mut text = vec![0; wanted];
        self.file.read_exact(&mut text)?;
        self.at += bytes;
        Ok(Value::Text(String::from_utf8_lossy(&text).into_owned()))
    }

    fn list(&mut self, count: u64, depth: usize) -> io::Result<Value> {
        let items = (0..count).map(|_| self.value(depth + 1));
        Ok(Value::List(items.collect::<io::Result<_>>()?))
    }

    fn map(&mut self, count: u64, depth: usize) -> io::Result<Value> {
        let pairs = (0..count).map(|_| Ok((self.value(depth + 1)?, self.value(depth + 1)?)));
        Ok(Value::Map(pairs.collect::<io::Result<_>>()?))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    /// A text, as the format writes it.
    pub(crate) fn text(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        [&[0xda], &length[..], text.as_bytes()].concat()
    }

    pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[0xc6], &length[..], bytes].concat()
    }

    pub(crate) fn list(items: &[Vec<u8>]) -> Vec<u8> {
        [vec![0x90 + u8::try_from(items.len()).unwrap()], items.concat()].concat()
    }

    pub(crate) fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let count = u16::try_from(pairs.len()).unwrap().to_be_bytes();
        let pairs = pairs.iter().flat_map(|(name, value)| [text(name), value.clone()].concat());
        [&[0xde], &count[..]].concat().into_iter().chain(pairs).collect()
    }

    #[test]
    fn values_are_read_and_bytes_stay_where_they_are() {
        let written = map(&[
            ("status", vec![0xcc, 200]),
            ("version", vec![11]),
            ("body", bytes(b"abc")),
            ("strict", vec![0xc2]),
            ("time", vec![0xcb, 0, 0, 0, 0, 0, 0, 0, 0]),
            ("ext", vec![0xd6, 1, 0, 0, 0, 0]),
            ("list", list(&[text("x"), vec![0xcd, 1, 0]])),
        ]);
        let read = read(Cursor::new(&written)).unwrap();
        assert_eq!(read.get("status"), Some(&Value::Number(200)));
        let Some(Value::Bytes { start, bytes }) = read.get("body") else { panic!("bytes") };
        let (start, bytes) = (usize::try_from(*start).unwrap(), usize::try_from(*bytes).unwrap());
        assert_eq!(&written[start..start + bytes], b"abc");
        assert_eq!(
            read.get("list"),
            Some(&Value::List(vec![Value::Text("x".to_owned()), Value::Number(256)]))
        );
        assert_eq!((read.get("time"), read.get("nothing")), (Some(&Value::Other), None));
    }

    #[test]
    fn what_exceeds_a_bound_is_refused() {
        let deep = |depth: usize| read(Cursor::new([vec![0x91; depth], vec![0]].concat()));
        assert!(deep(DEPTH_MAX - 1).is_ok() && deep(DEPTH_MAX).is_err(), "too deep");
        let many = [vec![0xdd, 0, 2, 0, 0], vec![0; 0x2_0000]].concat();
        assert!(read(Cursor::new(many)).is_err(), "too many");
        assert!(read(Cursor::new([0xdd, 255, 255, 255, 255])).is_err(), "not there");
        assert!(read(Cursor::new([0xdb, 255, 255, 255, 255])).is_err(), "too long");
        assert!(read(Cursor::new([0xc6, 255, 255, 255, 255])).is_err(), "beyond the end");
        assert!(read(Cursor::new([0xc1])).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>()) {
            drop(read(Cursor::new(bytes)));
        }
    }
}
