use super::samples::*;
use super::*;
use crate::python::archive::tests::zipped;
use data_encoding::BASE64;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::prelude::*;
use std::io::{Cursor, Write};

type Contents = Vec<(String, Vec<u8>)>;

/// Names and contents, or what is wrong.
fn read(archive: &[u8]) -> Result<Contents, String> {
    let mut zip = StrictZip::open(Cursor::new(archive)).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for number in 0..zip.len() {
        let name = String::from_utf8(zip.name(number).unwrap().to_vec()).unwrap();
        let mut content = Vec::new();
        let mut body = zip.body(number).map_err(|error| error.to_string())?.take(1 << 20);
        body.read_to_end(&mut content).map_err(|error| error.to_string())?;
        found.push((name, content));
    }
    Ok(found)
}

/// A file that is packed, with what its headers say of it.
#[derive(Clone)]
struct Packed {
    name: Vec<u8>,
    method: u16,
    flags: u16,
    crc: u32,
    bytes: u32,
    packed: Vec<u8>,
    /// Extra fields of the central header.
    extra: Vec<u8>,
    /// What is right behind the data.
    behind: Vec<u8>,
}

fn crc(content: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    crc.sum()
}

fn stored(name: &str, content: &[u8]) -> Packed {
    let (name, packed) = (name.as_bytes().to_vec(), content.to_vec());
    let bytes = content.len().try_into().unwrap();
    Packed { name, method: 0, flags: 0, crc: crc(content), bytes, packed, extra: vec![], behind: vec![] }
}

fn deflated(name: &str, content: &[u8]) -> Packed {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    Packed { method: 8, packed: encoder.finish().unwrap(), ..stored(name, content) }
}

impl Packed {
    fn common(&self) -> Vec<u8> {
        let mut made = [self.flags.to_le_bytes(), self.method.to_le_bytes()].concat();
        let packed: u32 = self.packed.len().try_into().unwrap();
        for number in [0, self.crc, packed, self.bytes] {
            made.extend(number.to_le_bytes());
        }
        made.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
        made
    }

    fn local(&self) -> Vec<u8> {
        let parts =
            [b"PK\x03\x04\x14\0", &self.common()[..], &[0, 0], &self.name, &self.packed, &self.behind];
        parts.concat()
    }

    fn central(&self, offset: u32) -> Vec<u8> {
        let extra_bytes = u16::try_from(self.extra.len()).unwrap().to_le_bytes();
        let parts = [
            b"PK\x01\x02\x14\0\x14\0",
            &self.common()[..],
            &extra_bytes,
            &[0; 10],
            &offset.to_le_bytes(),
            &self.name,
            &self.extra,
        ];
        parts.concat()
    }
}

fn length(bytes: &[u8]) -> u32 {
    bytes.len().try_into().unwrap()
}

fn end(entries: u16, bytes: u32, offset: u32) -> Vec<u8> {
    let entries = entries.to_le_bytes();
    [b"PK\x05\x06\0\0\0\0", &entries[..], &entries, &bytes.to_le_bytes(), &offset.to_le_bytes(), &[0, 0]]
        .concat()
}

/// Local parts, with the directory of them.
fn parts(files: &[Packed]) -> (Vec<u8>, Vec<u8>) {
    let (mut local, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        directory.extend(file.central(length(&local)));
        local.extend(file.local());
    }
    (local, directory)
}

fn pack(files: &[Packed]) -> Vec<u8> {
    let (local, directory) = parts(files);
    let end = end(files.len().try_into().unwrap(), length(&directory), length(&local));
    [local, directory, end].concat()
}

fn two() -> [Packed; 2] {
    [stored("a", b"one"), deflated("d/b", b"two two two two")]
}

fn refused(archive: &[u8], why: &str) {
    let said = read(archive).expect_err(why);
    assert!(said.contains(why), "{said}, and not: {why}");
}

#[test]
fn what_programs_write_is_read() {
    for sample in [GO, JAVA, INFO_ZIP, INFO_ZIP_PIPE, PYTHON, PYTHON_PIPE, PYTHON_END] {
        let found = read(&BASE64.decode(sample.as_bytes()).unwrap()).unwrap();
        assert!(found.contains(&("d/".to_owned(), vec![])), "{sample}");
        assert!(found.contains(&("d/a".to_owned(), b"hello".to_vec())), "{sample}");
    }
    assert_eq!(read(&pack(&two())).unwrap()[1], ("d/b".to_owned(), b"two two two two".to_vec()));
    assert_eq!(read(&pack(&[])), Ok(vec![]));
    assert_eq!(read(&zipped(&[("a", "b")])).unwrap().len(), 1);
}

/// Whoever takes the directory's offset from the end record finds the good files; whoever takes its length, the evil ones.
#[test]
fn an_archive_with_two_directories_is_refused() {
    let (good, evil) = (stored("a", b"good"), stored("a", b"evil"));
    let local = [good.local(), evil.local()].concat();
    let evil_at = length(&good.local());
    let padding = b"xxxx";
    let shift = length(&evil.central(0)) + length(padding);
    let directories = [evil.central(evil_at + shift), padding.to_vec(), good.central(0)].concat();
    let end = end(1, length(&directories), length(&local) + shift);
    refused(&[local, directories, end].concat(), "does not end where its end record begins");
}

#[test]
fn the_end_is_where_every_program_finds_it() {
    let (local, directory) = parts(&two());
    let made = |end: &[u8]| [&local[..], &directory, end].concat();
    let (bytes, at) = (length(&directory), length(&local));
    let right = end(2, bytes, at);
    assert!(read(&made(&right)).is_ok());
    refused(&local, "no end record");
    refused(&made(&[&right[..], b"\0"].concat()), "comment");
    let mut commented = right.clone();
    commented[20] = 26;
    refused(&made(&[&commented[..], b"ab", &right, b"yz"].concat()), "comment");
    refused(&made(&[&commented[..], b"abcd", &right].concat()), "does not end where");
    refused(&made(&[&right[..], &right].concat()), "does not end where");
    refused(&made(&end(2, bytes - 1, at)), "does not end where");
    refused(&made(&end(2, bytes - 1, at + 1)), "no header where one must be");
    refused(&made(&end(1, bytes, at)), "longer than its entries");
    refused(&[b"#!sh", &made(&right)[..]].concat(), "does not end where");
    refused(&[b"#!sh", &made(&end(2, bytes, at + 4))[..]].concat(), "a file has no header");
    let mut in_parts = right;
    in_parts[4] = 1;
    refused(&made(&in_parts), "several parts");
}

#[test]
fn the_two_end_records_agree() {
    let archive = BASE64.decode(PYTHON_END.as_bytes()).unwrap();
    let wide = archive.windows(4).rposition(|window| window == b"PK\x06\x06").unwrap();
    let end = wide + 76;
    for (at, why) in [
        (wide, "not before its locator"),
        (wide + 4, "not before its locator"),
        (wide + 16, "end records differ"),
        (wide + 24, "end records differ"),
        (wide + 40, "end records differ"),
        (wide + 48, "end records differ"),
        (wide + 56 + 8, "not before its locator"),
        (wide + 56 + 16, "not before its locator"),
        (end + 12, "end records differ"),
        (end + 16, "end records differ"),
    ] {
        let mut odd = archive.clone();
        odd[at] ^= 1;
        refused(&odd, why);
    }
    let between = [&archive[..end - 20], b"x", &archive[end - 20..]].concat();
    refused(&between, "not before its locator");
}

#[test]
fn files_lie_one_right_after_the_other() {
    let [one, two] = two();
    let apart = Packed { behind: b"x".to_vec(), ..one.clone() };
    refused(&pack(&[apart.clone(), two.clone()]), "one right after the other");
    refused(&pack(&[two.clone(), apart]), "between its files and its directory");
    let (local, directory) =
        ([one.local(), two.local()].concat(), [two.central(length(&one.local())), one.central(0)].concat());
    let swapped = end(2, length(&directory), length(&local));
    refused(&[local, directory, swapped].concat(), "one right after the other");
    let inner = Packed { behind: vec![], ..stored("in", b"x") };
    let outer = stored("out", &inner.local());
    let at = length(&outer.local()) - length(&inner.local());
    let directory = [outer.central(0), inner.central(at)].concat();
    let nested = end(2, length(&directory), length(&outer.local()));
    refused(&[outer.local(), directory, nested].concat(), "one right after the other");
}

#[test]
fn the_two_headers_of_a_file_agree() {
    let whole = pack(&two());
    // Flags, method, CRC, packed length, length, name.
    for at in [6, 8, 14, 18, 22, 30] {
        let mut odd = whole.clone();
        odd[at] ^= 2;
        refused(&odd, "the two headers of a file differ");
    }
    let [one, _] = two();
    let descriptor = |number: u32| {
        let numbers = [number, 3, 3].map(u32::to_le_bytes).concat();
        Packed { flags: 8, behind: [b"PK\x07\x08", &numbers[..]].concat(), ..one.clone() }
    };
    assert!(read(&pack(&[descriptor(one.crc)])).is_ok());
    refused(&pack(&[descriptor(one.crc + 1)]), "what comes after a file");
    refused(&pack(&[Packed { flags: 8, ..one.clone() }]), "what comes after a file");
    let bare = Packed { flags: 8, behind: descriptor(one.crc).behind[4..].to_vec(), ..one };
    assert!(read(&pack(&[bare])).is_ok());
}

#[test]
fn names_are_read_alike() {
    let [one, two] = two();
    refused(&pack(&[one.clone(), two, one.clone()]), "a name is there twice");
    for name in ["", "/a", "../a", "a//b", "./a", "a\\b", "a\0b"] {
        refused(&pack(&[stored(name, b"")]), "no plain path");
    }
    refused(&pack(&[Packed { name: b"\xff".to_vec(), ..one.clone() }]), "no plain path");
    refused(&pack(&[stored("d/", b"x")]), "a directory has content");
    let path = |name: &[u8]| [b"up\x06\0\x01\0\0\0\0", name].concat();
    assert!(read(&pack(&[Packed { extra: path(b"a"), ..one.clone() }])).is_ok());
    refused(&pack(&[Packed { extra: path(b"b"), ..one }]), "two names");
}

#[test]
fn what_not_everybody_unpacks_is_refused() {
    let [one, two] = two();
    refused(&pack(&[Packed { flags: 1, ..one.clone() }]), "encrypted");
    refused(&pack(&[Packed { method: 12, ..one.clone() }]), "not everybody reads");
    refused(&pack(&[Packed { bytes: 2, ..one.clone() }]), "two lengths");
    refused(&pack(&[Packed { crc: 1, ..one }]), "another CRC");
    refused(&pack(&[Packed { bytes: 14, ..two.clone() }]), "longer than its header");
    refused(&pack(&[Packed { bytes: 16, ..two.clone() }]), "not as long as its header");
    let more = Packed { packed: [&two.packed[..], b"x"].concat(), ..two.clone() };
    refused(&pack(&[more]), "not as long as its header");
    // A block that is not the last, with all that there is.
    let open = Packed { packed: b"\0\x01\0\xfe\xffx".to_vec(), ..deflated("x", b"x") };
    refused(&pack(&[open]), "does not end");
}

#[test]
fn lengths_of_64_bits_are_those_that_are_marked() {
    let one = stored("a", b"one");
    let field = |numbers: &[u64]| {
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        [&[1, 0, numbers.len().try_into().unwrap(), 0], &numbers[..]].concat()
    };
    let with = |extra: Vec<u8>| pack(&[Packed { extra, ..one.clone() }]);
    assert!(read(&with(field(&[3, 3, 0]))).is_ok());
    refused(&with(field(&[3, 4])), "another one");
    refused(&with(field(&[3, 3, 0, 0])), "of nothing");
    refused(&with([field(&[3]), field(&[3])].concat()), "there twice");
    refused(&with(vec![1, 0, 9, 0]), "cut short");
    refused(&pack(&[Packed { bytes: u32::MAX, ..one.clone() }]), "is missing");
    assert!(read(&with(vec![0; 3])).is_ok(), "filled up");
}

/// What two other readers find, which look for the directory in their own ways.
fn others(archive: &[u8]) -> [Option<Contents>; 2] {
    let by_zip = || -> Option<Contents> {
        let mut zip = zip::ZipArchive::new(Cursor::new(archive)).ok()?;
        let mut found = Vec::new();
        for number in 0..zip.len() {
            let mut file = zip.by_index(number).ok()?;
            let (name, mut content) = (file.name().ok()?.into_owned(), Vec::new());
            file.read_to_end(&mut content).ok()?;
            found.push((name, content));
        }
        Some(found)
    };
    let by_rawzip = || -> Option<Contents> {
        let zip = rawzip::ZipArchive::from_slice(archive).ok()?;
        let mut found = Vec::new();
        for entry in zip.entries() {
            let entry = entry.ok()?;
            let body = zip.get_entry(entry.wayfinder()).ok()?;
            let (name, mut content) =
                (String::from_utf8(entry.file_path().as_ref().to_vec()).ok()?, Vec::new());
            match entry.compression_method() {
                rawzip::CompressionMethod::STORE => content.extend(body.data()),
                _ => drop(flate2::read::DeflateDecoder::new(body.data()).read_to_end(&mut content).ok()?),
            }
            found.push((name, content));
        }
        Some(found)
    };
    [by_zip(), by_rawzip()]
}

fn samples() -> Vec<Vec<u8>> {
    let real = [GO, JAVA, INFO_ZIP, PYTHON, PYTHON_PIPE, PYTHON_END];
    real.iter().map(|sample| BASE64.decode(sample.as_bytes()).unwrap()).chain([pack(&two())]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_archive_is_too_odd_and_what_is_read_others_read_too(
        which in 0..7_usize,
        changes in proptest::collection::vec((0..600_usize, any::<u8>()), 0..4),
        cut in 0..1200_usize,
    ) {
        let mut archive = samples().swap_remove(which);
        let bytes = archive.len();
        changes.into_iter().for_each(|(at, byte)| archive[at % bytes] = byte);
        archive.truncate(cut.max(bytes / 2));
        if let Ok(found) = read(&archive) {
            for other in others(&archive).into_iter().flatten() {
                prop_assert_eq!(&other, &found);
            }
        }
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>(), fields in any::<[u8; 18]>()) {
        drop(read(&bytes));
        drop(read(&[&bytes[..], b"PK\x05\x06", &fields].concat()));
    }
}
