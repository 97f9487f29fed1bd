use super::*;
use crate::PublicKey;

fn seed(n: u8) -> PeerId {
    PeerId::new(PublicKey::from_bytes([n; 32]))
}

fn place(file: u32) -> LogPlace {
    LogPlace { file, offset: 7 }
}

fn question(at: Option<(PeerId, LogPlace)>) -> LogQuestion {
    LogQuestion::new(1, LogQuery::default(), at)
}

fn read(peer: u8, ask: u32) -> LogRead {
    let reader = LogReader::Peer(Contact { peer: seed(peer), session: 1 }, ask);
    LogRead { reader, what: LogQuery::default(), after: None }
}

#[test]
fn one_seed_is_asked_and_only_it_may_answer() {
    let mut questions = LogQuestions::default();
    questions.insert(JobId(1), question(None));
    let (ask, _, after) = questions.ask(JobId(1), seed(1)).unwrap();
    assert_eq!(after, None);
    assert!(questions.ask(JobId(1), seed(2)).is_none(), "asked already");
    assert_eq!(questions.answered(&seed(2), ask), None);
    assert_eq!(questions.answered(&seed(1), ask + 1), None);
    assert_eq!(questions.answered(&seed(1), ask), Some(JobId(1)));
    questions.seed_gone(&seed(1));
    assert_eq!(questions.answered(&seed(1), ask), None);
    assert!(questions.ask(JobId(1), seed(2)).is_some());
}

#[test]
fn a_place_is_of_use_with_its_own_seed_only() {
    let mut questions = LogQuestions::default();
    questions.insert(JobId(1), question(Some((seed(2), place(9)))));
    assert!(questions.ask(JobId(1), seed(1)).is_none());
    assert_eq!(questions.ask(JobId(1), seed(2)).unwrap().2, Some(place(9)));
    assert!(questions.is_open(Ticket { job: JobId(1), serial: 1 }));
    assert!(!questions.is_open(Ticket { job: JobId(1), serial: 2 }));
    questions.remove(JobId(1));
    assert!(questions.jobs().is_empty());
}

#[test]
fn a_few_pages_are_read_at_once_and_one_for_each_peer() {
    let mut reads = LogReads::default();
    for peer in 0..10 {
        assert!(reads.enqueue(Instant::ZERO, read(peer, 1)));
        assert!(!reads.enqueue(Instant::ZERO, read(peer, 2)), "its first one waits");
    }
    let begun: Vec<LogRead> = core::iter::from_fn(|| reads.begin()).collect();
    assert_eq!(begun.len(), LOG_READS_MAX);
    assert!(!reads.enqueue(Instant::ZERO, read(0, 3)), "its first one is being read");
    reads.end(begun[0].reader);
    assert_eq!(reads.begin(), Some(read(2, 1)), "in the order in which they came");
    assert!(reads.enqueue(Instant::ZERO, read(0, 4)));
    reads.gone(&seed(3));
    reads.end(begun[1].reader);
    assert_eq!(reads.begin(), Some(read(4, 1)));
}

#[test]
fn a_peer_gets_so_many_pages_in_a_while() {
    let mut reads = LogReads::default();
    let mut page = |now| {
        let admitted = reads.enqueue(now, read(1, 1));
        if let Some(read) = reads.begin() {
            reads.end(read.reader);
        }
        admitted
    };
    let admitted = (0..LOG_GIVEN_MAX + 5).filter(|_| page(Instant::ZERO)).count();
    assert_eq!(admitted, usize::try_from(LOG_GIVEN_MAX).unwrap());
    assert!(!page(Instant::ZERO.after(LOG_WINDOW / 2)));
    assert!(page(Instant::ZERO.after(LOG_WINDOW)));
}

#[test]
fn only_so_many_wait() {
    let mut reads = LogReads::default();
    let job = |n| LogRead { reader: LogReader::Job(Ticket { job: JobId(n), serial: n }), ..read(1, 1) };
    let most = u64::try_from(LOG_WAITING_MAX).unwrap();
    assert!((0..most).all(|n| reads.enqueue(Instant::ZERO, job(n))));
    assert!(!reads.enqueue(Instant::ZERO, job(most)));
    reads.job_gone(JobId(0));
    assert!(reads.enqueue(Instant::ZERO, job(most)));
    assert_eq!(reads.begin(), Some(job(1)));
}
