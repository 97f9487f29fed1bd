//! Reading of foreign bytes, and the numbers in them.
//!
//! A *number* is an unsigned LEB128: seven bits a byte, the lowest first, the highest bit set on all but the last; in the
//! fewest bytes, ten at most. A signed one is folded first: 0, -1, 1, -2, … are 0, 1, 2, 3, …

use super::TreeError;

/// What is left to read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

const ENDS_EARLY: TreeError = TreeError::Malformed("it ends too early");
const BAD_NUMBER: TreeError =
    TreeError::Malformed("a number is too large, or written in more bytes than it needs");

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], TreeError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(ENDS_EARLY)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], TreeError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(ENDS_EARLY)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// The text up to the next zero byte, which is skipped.
    pub(super) fn text(&mut self) -> Result<&'a str, TreeError> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(ENDS_EARLY)?;
        let text = core::str::from_utf8(self.bytes(end)?);
        self.bytes(1)?;
        text.map_err(|_| TreeError::Malformed("a name is not UTF-8"))
    }

    /// A number.
    pub(super) fn number(&mut self) -> Result<u64, TreeError> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            let fits = bits << shift >> shift == bits;
            let minimal = byte != 0 || shift == 0;
            if !fits || !minimal {
                return Err(BAD_NUMBER);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BAD_NUMBER)
    }

    /// A number that counts what follows, at least `bytes_each` bytes of each: so nobody makes room for more than there is.
    pub(super) fn count(&mut self, bytes_each: usize) -> Result<usize, TreeError> {
        let count = usize::try_from(self.number()?).map_err(|_| ENDS_EARLY)?;
        let enough = count.checked_mul(bytes_each).is_some_and(|bytes| bytes <= self.left());
        if enough { Ok(count) } else { Err(ENDS_EARLY) }
    }

    /// A signed number.
    pub(super) fn signed(&mut self) -> Result<i64, TreeError> {
        let folded = self.number()?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }
}

/// Writes a number.
pub(super) fn write_number(mut number: u64, into: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            into.push(low & 0x7f);
            return;
        }
        into.push(low | 0x80);
    }
}

/// Writes a signed number.
pub(super) fn write_signed(number: i64, into: &mut Vec<u8>) {
    write_number(((number << 1) ^ (number >> 63)).cast_unsigned(), into);
}

/// Writes a text, which has no zero byte, and a zero byte.
pub(super) fn write_text(text: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(text.as_bytes());
    into.push(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(bytes: &[u8]) -> Result<u64, TreeError> {
        Reader::new(bytes).number()
    }

    #[test]
    fn numbers_by_hand() {
        assert_eq!(number(&[0]), Ok(0));
        assert_eq!(number(&[0x7f]), Ok(127));
        assert_eq!(number(&[0x80, 0x01]), Ok(128));
        assert_eq!(number(&[0xac, 0x02]), Ok(300));
        let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(number(&largest), Ok(u64::MAX));
    }

    #[test]
    fn numbers_have_one_form() {
        assert_eq!(number(&[0x80, 0x00]), Err(BAD_NUMBER));
        assert_eq!(number(&[0xff, 0x80, 0x00]), Err(BAD_NUMBER));
        let too_large = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(number(&too_large), Err(BAD_NUMBER));
        assert_eq!(number(&[0xff; 11]), Err(BAD_NUMBER));
        assert_eq!(number(&[0x80]), Err(ENDS_EARLY));
    }

    #[test]
    fn texts_end_with_a_zero_byte() {
        let mut reader = Reader::new(b"one\0\0two");
        assert_eq!((reader.text(), reader.text()), (Ok("one"), Ok("")));
        assert_eq!(reader.text(), Err(ENDS_EARLY));
        assert_eq!(Reader::new(b"\xff\0").text(), Err(TreeError::Malformed("a name is not UTF-8")));
    }

    #[test]
    fn counts_are_not_believed_beyond_what_is_there() {
        assert_eq!(Reader::new(&[3, 1, 2, 3]).count(1), Ok(3));
        assert_eq!(Reader::new(&[3, 1, 2, 3]).count(2), Err(ENDS_EARLY));
        let many = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Reader::new(&many).count(32), Err(ENDS_EARLY));
    }

    proptest! {
        #[test]
        fn numbers_survive_the_round_trip(number in any::<u64>(), signed in any::<i64>(), shift in 0..64) {
            for number in [number, number >> shift] {
                let mut bytes = Vec::new();
                write_number(number, &mut bytes);
                write_signed(signed >> shift, &mut bytes);
                let mut reader = Reader::new(&bytes);
                prop_assert_eq!(reader.number(), Ok(number));
                prop_assert_eq!(reader.signed(), Ok(signed >> shift));
                prop_assert_eq!(reader.left(), 0);
            }
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(number) = reader.number() {
                let mut again = Vec::new();
                write_number(number, &mut again);
                prop_assert_eq!(&again, &bytes[..bytes.len() - reader.left()]);
            }
        }
    }
}
