//! The plug is pulled at every single change of the disk, and the disk keeps none, all or some of what was not synced.
use super::*;
use faulty_disk::Crash;
use pollux_core::ChunkId;
use std::collections::HashSet;

/// What had been acknowledged when the plug was pulled.
#[derive(Default)]
struct Acknowledged {
    chunks: Vec<u32>,
    certified: Vec<u32>,
    votes: Vec<u32>,
}

/// Does everything that a store can do, until the disk fails.
fn live_a_life(disk: &FaultyDisk) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    // Whatever the first error was, a node would stop here.
    let _ = try_to_live(disk, &mut acknowledged);
    acknowledged
}

fn try_to_live(disk: &FaultyDisk, acknowledged: &mut Acknowledged) -> Result<(), crate::store::StoreError> {
    let (store, _) = Store::open_on(Arc::new(disk.clone()), SMALL, None)?;
    for number in 0..6 {
        put_four(&store, number, acknowledged)?;
    }
    drop(store);
    let (store, _) = Store::open_on(Arc::new(disk.clone()), SMALL, None)?;
    put_four(&store, 6, acknowledged)?;
    // From here on only every third chunk is promised.
    acknowledged.chunks.retain(|number| number % 3 == 0);
    let live: HashSet<ChunkId> = acknowledged.chunks.iter().map(|number| chunk(*number).chunk().id).collect();
    store.sweep(store.sweep_mark(), |chunk| live.contains(chunk))?;
    put_four(&store, 7, acknowledged)?;
    store.record(&Record::Forget(envelope("certified 0").id()))
}

fn put_four(
    store: &Store,
    number: u32,
    acknowledged: &mut Acknowledged,
) -> Result<(), crate::store::StoreError> {
    let four = 4 * number..4 * number + 4;
    for number in four.clone() {
        store.put(&chunk(number))?;
    }
    match number % 3 {
        0 => store.sync()?,
        1 => {
            store.record(&Record::Certified(certified(&format!("certified {number}"))))?;
            acknowledged.certified.push(number);
        }
        _ => {
            store.record(&vote(&format!("vote {number}"), number.into()))?;
            acknowledged.votes.push(number);
        }
    }
    acknowledged.chunks.extend(four);
    Ok(())
}

fn check(disk: &FaultyDisk, acknowledged: &Acknowledged, story: &str) {
    let (store, recovery) = Store::open_on(Arc::new(disk.clone()), SMALL, None).unwrap();
    for number in &acknowledged.chunks {
        assert!(gives(&store, &chunk(*number)), "{story}: chunk {number}");
    }
    for number in 0..32 {
        let held = store.holds(&chunk(number).chunk().id);
        assert_eq!(held, gives(&store, &chunk(number)), "{story}: chunk {number} is half there");
    }
    for number in &acknowledged.certified {
        assert!(recovery.certified.contains(&certified(&format!("certified {number}"))), "{story}");
    }
    for number in &acknowledged.votes {
        assert!(matches!(
            store.record(&vote("rival", u64::from(*number))),
            Err(crate::store::StoreError::VoteConflict { .. })
        ));
    }
    // It is a whole store: it takes chunks, and gives them back after another start.
    (0..40).for_each(|number| store.put(&chunk(number)).unwrap());
    store.sync().unwrap();
    drop(store);
    let store = open(disk, SMALL);
    assert!((0..40).all(|number| gives(&store, &chunk(number))), "{story}: afterwards");
}

#[test]
fn a_crash_at_any_change_keeps_what_was_acknowledged() {
    let whole = FaultyDisk::new();
    let all = live_a_life(&whole);
    assert_eq!((all.certified.len(), all.votes.len()), (3, 2));
    check(&whole, &all, "no crash");
    for changes in 0..whole.changes() {
        let disk = FaultyDisk::new();
        disk.set(|faults| faults.changes_left = Some(changes));
        let acknowledged = live_a_life(&disk);
        for crash in
            [Crash::LosesUnsynced, Crash::KeepsAll, Crash::KeepsSome(changes), Crash::KeepsSome(!changes)]
        {
            check(&disk.after(crash), &acknowledged, &format!("crash at change {changes}, {crash:?}"));
        }
    }
}

#[test]
fn a_crash_while_a_crash_is_recovered_from_changes_nothing() {
    let whole = FaultyDisk::new();
    let _ = live_a_life(&whole);
    for changes in (0..whole.changes()).step_by(9) {
        let first = FaultyDisk::new();
        first.set(|faults| faults.changes_left = Some(changes));
        let acknowledged = live_a_life(&first);
        for again in 0.. {
            let second = first.after(Crash::KeepsSome(changes));
            second.set(|faults| faults.changes_left = Some(again));
            let recovered = Store::open_on(Arc::new(second.clone()), SMALL, None).is_ok();
            check(
                &second.after(Crash::KeepsSome(again)),
                &acknowledged,
                &format!("crashes at {changes}, {again}"),
            );
            if recovered {
                break;
            }
        }
    }
}
