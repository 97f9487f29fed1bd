//! Every contender moves what it should, in one process.

use super::chunks::{CHUNK_BYTES, Chunks};
use super::line::{Gave, Took};
use super::{Contender, verb};
use crate::BenchError;
use std::sync::Arc;
use std::sync::mpsc::channel;

/// More than each chunk once.
const COUNT: u64 = 70;

/// Gives these chunks, and takes those that should come.
fn moved(
    contender: Contender,
    given: Chunks,
    expected: Chunks,
) -> (Result<Gave, BenchError>, Result<Took, BenchError>) {
    let (sender, receiver) = channel();
    let giver = std::thread::spawn(move || {
        verb::give(contender, &Arc::new(given), COUNT, move |listening| sender.send(listening).unwrap())
    });
    let took = verb::take(contender, &Arc::new(expected), COUNT, &receiver.recv().unwrap());
    (giver.join().unwrap(), took)
}

#[test]
fn every_contender_moves_every_chunk() {
    let chunks = Chunks::made();
    for contender in Contender::ALL {
        let (gave, took) = moved(contender, chunks.clone(), chunks.clone());
        assert_eq!(took.unwrap().bytes, COUNT * u64::from(CHUNK_BYTES), "{contender:?}");
        assert!(gave.unwrap().cpu > 0.0, "{contender:?}");
    }
}

#[test]
fn a_wrong_byte_is_noticed() {
    let chunks = Chunks::made();
    let mut spoilt = chunks.clone();
    spoilt.spoil();
    for contender in Contender::ALL {
        let (_, took) = moved(contender, spoilt.clone(), chunks.clone());
        // A plain copy within the machine verifies nothing.
        let expected = (contender != Contender::Unix)
            .then(|| "taking did not go well: chunk 63 is not what was asked for".to_owned());
        assert_eq!(took.err().map(|error| error.to_string()), expected, "{contender:?}");
    }
}

#[test]
fn a_contender_is_found_by_the_name_that_it_is_told_by() {
    use clap::ValueEnum;
    for contender in Contender::ALL {
        assert_eq!(Contender::from_str(contender.name(), false), Ok(contender));
        assert_eq!(serde_json::to_value(contender).unwrap(), contender.name());
    }
}
