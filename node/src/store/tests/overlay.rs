//! A file over another one: what is written is read back, and the other one never changes.
use super::*;
use crate::store::disk::DiskFile;
use crate::store::{
    disk::{Disk, SegmentNumber},
    overlay::Overlay,
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let write = (0..20_000_usize, 1..9000_usize, any::<u8>())
        .prop_map(|(at, bytes, with)| Change::Write(at, vec![with; bytes]));
    let cut = (0..25_000_usize).prop_map(Change::Cut);
    prop::collection::vec(prop_oneof![3 => write, 1 => cut], 0..12)
}

fn number(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_and_what_is_under_it_stays(
        under in 0..15_000_usize,
        changes in changes(),
    ) {
        let disk = FaultyDisk::new();
        let original = noise(1, under);
        disk.replace_segment(0, original.clone());
        let overlay = Overlay::new(disk.open_segment(SegmentNumber(0)).unwrap()).unwrap();
        let mut model = original.clone();
        for change in changes {
            match change {
                Change::Write(at, bytes) => {
                    overlay.write_all_at(&bytes, number(at)).unwrap();
                    model.resize(model.len().max(at + bytes.len()), 0);
                    model[at..at + bytes.len()].copy_from_slice(&bytes);
                }
                Change::Cut(bytes) => {
                    overlay.set_bytes(number(bytes)).unwrap();
                    model.resize(bytes, 0);
                }
            }
            prop_assert_eq!(overlay.bytes().unwrap(), number(model.len()));
            let mut read = vec![1; model.len()];
            overlay.read_exact_at(&mut read, 0).unwrap();
            prop_assert!(read == model);
            let inside = model.len() / 3..model.len();
            let mut read = vec![1; inside.len()];
            overlay.read_exact_at(&mut read, number(inside.start)).unwrap();
            prop_assert!(read == model[inside]);
            prop_assert!(overlay.read_exact_at(&mut [0], number(model.len())).is_err());
        }
        prop_assert!(disk.segment(0) == original);
        prop_assert_eq!(disk.changes(), 0);
    }
}
