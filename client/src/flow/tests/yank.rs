//! What a yank would take, as it is asked of a node.

use super::node::{Act, Heard, Node};
use crate::connection::Connection;
use crate::flow::{Question, SeedLog, Survey, log_since, survey};
use crate::pool::testing::{NOW, Scene, pair};
use crate::protocol::{Reply, Request};
use pollux_core::message::ListQuery;
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, LogEntry, Manifest, ManifestId, Provenance, Receipt,
    TreeRef, TreeTotals, Yank, Yanked,
};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// A save of the scene's publisher, taken by its one seed so many seconds after the beginning.
fn save(
    scene: &Scene,
    (key, sequence): (&str, u64),
    ancestors: &[ManifestId],
    seconds: u64,
) -> CertifiedEnvelope {
    let chunk = ChunkRef { id: ChunkId::of(key.as_bytes()), bytes: 100 };
    let tree = TreeRef { chunks: vec![chunk], totals: TreeTotals::default(), roots: vec![String::new()] };
    let manifest = Manifest {
        pool: "ci".to_owned(),
        key: key.parse().unwrap(),
        sequence,
        created: NOW,
        expires: NOW.after(Duration::from_secs(86_400)),
        tree,
        ancestors: ancestors.to_vec(),
        generation: u32::try_from(ancestors.len()).unwrap() + 1,
        provenance: Provenance { build: format!("b{sequence}"), ..Provenance::default() },
        packages: None,
        grant: None,
    };
    let envelope = Envelope::sign(&manifest, &scene.key("publisher"));
    let seed = scene.pool().policy().seeds[0].peer;
    let receipt = Receipt {
        pool: "ci".to_owned(),
        seed,
        manifest: envelope.id(),
        key: manifest.key,
        sequence,
        time: NOW.after(Duration::from_secs(seconds)),
    };
    let receipts = vec![Envelope::sign(&receipt, &scene.key("seed"))];
    CertifiedEnvelope { manifest: envelope, receipts }
}

/// Two saves of one key, one of its sibling, and one made from the first elsewhere.
struct Saves {
    scene: Scene,
    first: CertifiedEnvelope,
    newest: CertifiedEnvelope,
    sibling: CertifiedEnvelope,
    elsewhere: CertifiedEnvelope,
    /// An older save of `b/npm/1` that no other was made from: it is kept, and only a log tells of it.
    beside: CertifiedEnvelope,
}

impl Saves {
    fn new() -> Self {
        let scene = Scene::new(1);
        let first = save(&scene, ("a/npm/1", 1), &[], 1);
        let newest = save(&scene, ("a/npm/1", 2), &[first.manifest.id()], 2);
        let sibling = save(&scene, ("a/npm/0", 7), &[], 0);
        let elsewhere = save(&scene, ("b/npm/1", 9), &[first.manifest.id()], 3);
        let beside = save(&scene, ("b/npm/1", 8), &[], 2);
        Self { scene, first, newest, sibling, elsewhere, beside }
    }

    /// A log that tells of all of them, and of one more that nobody keeps.
    fn log(&self, yanks: &[LogEntry]) -> SeedLog {
        let gone = save(&self.scene, ("a/npm/0", 6), &[], 0);
        let all = [&self.first, &self.newest, &self.sibling, &self.elsewhere, &self.beside, &gone];
        let published = |row: &CertifiedEnvelope| {
            let certified = self.scene.pool().trust().certify(row, NOW).unwrap();
            LogEntry::published(NOW, &certified).to_line().unwrap()
        };
        let lines =
            all.into_iter().map(published).chain(yanks.iter().filter_map(LogEntry::to_line)).collect();
        let seed = Some(self.scene.pool().policy().seeds[0].peer);
        SeedLog { seed, lines, cut_short: false }
    }

    /// Asks a node that lists the newest of every key, one to a page, and knows the rest by id.
    fn survey(&self, what: Yanked, cascade: bool) -> (Survey, Yank) {
        self.survey_with(None, what, cascade)
    }

    /// The same with a seed's log at hand, that tells of these saves and yanks.
    fn survey_with(&self, log: Option<&SeedLog>, what: Yanked, cascade: bool) -> (Survey, Yank) {
        let pages = [self.sibling.clone(), self.newest.clone(), self.elsewhere.clone()];
        let kept = [self.first.clone(), self.beside.clone()];
        let node = Node::start(move |heard| {
            let Heard::Request(Request::List { what, .. }) = heard else { panic!("{heard:?}") };
            let (rows, more) = match what {
                ListQuery::Pattern { after, .. } => {
                    let number = after.as_ref().map_or(0, |key| 1 + position(&pages, key));
                    (vec![pages[number].clone()], number + 1 < pages.len())
                }
                ListQuery::Manifest(id) => {
                    (kept.iter().filter(|row| row.manifest.id() == *id).cloned().collect(), false)
                }
                ListQuery::Prefix(_) => (Vec::new(), false),
            };
            vec![Act::Say(Reply::Listing { rows, more, from_seed: true, taken: Vec::new() })]
        });
        let yank = yank(what, cascade);
        let envelope = Envelope::sign(&yank, &self.scene.key("yank"));
        let connection = Connection::open(&node.socket, PATIENCE, Arc::default()).unwrap();
        let pool = self.scene.pool();
        let question = Question { trust: pool.trust(), yank: &envelope, now: NOW, log, patience: PATIENCE };
        (survey(&connection, question).unwrap(), yank)
    }
}

fn position(pages: &[CertifiedEnvelope], key: &pollux_core::Key) -> usize {
    pages.iter().position(|row| row.manifest.body::<Manifest>().unwrap().key == *key).unwrap()
}

fn yank(what: Yanked, cascade: bool) -> Yank {
    let (serial, reason) = ("y".to_owned(), "it held a miner".to_owned());
    Yank { pool: "ci".to_owned(), serial, what, reason, cascade, time: NOW, manifests: Vec::new() }
}

/// A key and a sequence.
type Said = (String, u64);

fn told(survey: &Survey) -> Vec<(String, u64, Option<Said>)> {
    let losses = survey.losses().into_iter();
    let next = |save: crate::flow::KnownSave| (save.key.to_string(), save.sequence);
    losses.map(|loss| (loss.taken.key.to_string(), loss.taken.sequence, loss.next.map(next))).collect()
}

fn at(key: &str, sequence: u64) -> Option<Said> {
    Some((key.to_owned(), sequence))
}

#[test]
fn yank_falls_back_to_the_one_before() {
    let saves = Saves::new();
    let (survey, yank) = saves.survey(Yanked::Manifest(saves.newest.manifest.id()), false);
    assert_eq!(told(&survey), [("a/npm/1".to_owned(), 2, at("a/npm/1", 1))]);
    assert_eq!((survey.taken(), survey.unknown, survey.from_seed), (1, 0, true));
    assert_eq!(survey.yanks(yank.clone()), [yank]);
}

#[test]
fn a_cascade_takes_descendants_and_leaves_the_lineage() {
    let saves = Saves::new();
    let (survey, _) = saves.survey(Yanked::Manifest(saves.first.manifest.id()), true);
    let expected = [("a/npm/1".to_owned(), 2, at("a/npm/0", 7)), ("b/npm/1".to_owned(), 9, None)];
    assert_eq!(told(&survey), expected);
    assert_eq!(survey.taken(), 3);
}

#[test]
fn a_cascade_from_a_build_names_what_it_takes() {
    let saves = Saves::new();
    let build = Yanked::Build { ci: String::new(), build: "b1".to_owned() };
    let (survey, yank) = saves.survey(build.clone(), true);
    assert_eq!(survey.taken(), 3, "the build's own save is found as an ancestor");
    let yanks = survey.yanks(yank.clone());
    assert_eq!(yanks, [Yank { manifests: vec![saves.first.manifest.id()], ..yank }]);
    // What readers make of it is what was shown.
    let pool = saves.scene.pool();
    let heard = pool.trust().clone().hear(&[Envelope::sign(&yanks[0], &saves.scene.key("yank"))], NOW);
    for (row, stays) in [(&saves.newest, false), (&saves.elsewhere, false), (&saves.sibling, true)] {
        assert_eq!(heard.certify(row, NOW).is_ok(), stays);
    }
    let (survey, _) = saves.survey(build, false);
    assert_eq!(survey.taken(), 0, "without a cascade nobody asks for what newer saves hide");
}

#[test]
fn a_yank_of_something_unknown_takes_nothing_that_is_known() {
    let saves = Saves::new();
    let (survey, yank) = saves.survey(Yanked::Manifest(ManifestId::from_bytes([1; 32])), true);
    assert_eq!((survey.taken(), survey.unknown), (0, 0));
    assert_eq!(survey.yanks(yank.clone()), [yank]);
}

#[test]
fn a_publisher_and_a_pattern_before_a_time() {
    let saves = Saves::new();
    let key = saves.scene.key("publisher").public();
    assert_eq!(saves.survey(Yanked::Publisher(key), false).0.taken(), 4);
    let before = NOW.after(Duration::from_secs(3));
    let pattern = Yanked::Pattern { pattern: "a/**".parse().unwrap(), before };
    let (survey, _) = saves.survey(pattern, false);
    assert_eq!(told(&survey), [("a/npm/0".to_owned(), 7, None), ("a/npm/1".to_owned(), 2, None)]);
    assert_eq!(saves.survey(Yanked::Publisher(pair(9).public()), false).0.taken(), 0);
}

#[test]
fn a_log_tells_what_a_key_falls_back_to() {
    let saves = Saves::new();
    let what = Yanked::Manifest(saves.elsewhere.manifest.id());
    let (blind, _) = saves.survey(what.clone(), false);
    assert_eq!((told(&blind), blind.from_log), (vec![("b/npm/1".to_owned(), 9, None)], false));
    let (survey, _) = saves.survey_with(Some(&saves.log(&[])), what, false);
    assert_eq!(told(&survey), [("b/npm/1".to_owned(), 9, at("b/npm/1", 8))]);
    assert!(survey.from_log);
    // What the log tells of and nobody keeps is no fallback.
    let sibling = Yanked::Manifest(saves.sibling.manifest.id());
    let (survey, _) = saves.survey_with(Some(&saves.log(&[])), sibling, false);
    assert_eq!(told(&survey), [("a/npm/0".to_owned(), 7, at("a/npm/1", 2))]);
}

#[test]
fn what_was_taken_back_is_no_fallback() {
    let saves = Saves::new();
    let of = |what| Envelope::sign(&yank(what, false), &saves.scene.key("yank"));
    let earlier = of(Yanked::Manifest(saves.beside.manifest.id()));
    let verified = saves.scene.pool().trust().verify_yank(&earlier, NOW).unwrap();
    let log = saves.log(&[LogEntry::yanked(NOW, &verified)]);
    let what = Yanked::Manifest(saves.elsewhere.manifest.id());
    let (survey, _) = saves.survey_with(Some(&log), what, false);
    assert_eq!(told(&survey), [("b/npm/1".to_owned(), 9, None)]);
    // A log that cannot be read to its end is as good as it goes, and says so.
    let cut = SeedLog { cut_short: true, ..saves.log(&[]) };
    let what = Yanked::Manifest(saves.elsewhere.manifest.id());
    let (survey, _) = saves.survey_with(Some(&cut), what, false);
    assert_eq!((told(&survey), survey.from_log), (vec![("b/npm/1".to_owned(), 9, at("b/npm/1", 8))], false));
}

#[test]
fn what_was_made_of_it_and_stays_is_counted() {
    let saves = Saves::new();
    let what = Yanked::Manifest(saves.first.manifest.id());
    let log = saves.log(&[]);
    assert_eq!(saves.survey_with(Some(&log), what.clone(), false).0.descendants, 2);
    assert_eq!(saves.survey(what.clone(), false).0.descendants, 2, "what is listed is counted without a log");
    assert_eq!(saves.survey_with(Some(&log), what, true).0.descendants, 0, "a cascade takes them");
    let build = Yanked::Build { ci: String::new(), build: "b1".to_owned() };
    assert_eq!(saves.survey(build.clone(), false).0.descendants, 0);
    assert_eq!(
        saves.survey_with(Some(&log), build, false).0.descendants,
        2,
        "the log knows whose build it was"
    );
}

#[test]
fn a_log_is_read_from_where_saves_may_be_alive() {
    let saves = Saves::new();
    let pool = saves.scene.pool();
    let life = Duration::from_secs(pool.policy().manifest_life_max);
    let since = log_since(pool.trust(), NOW);
    assert!(since.after(life) < NOW && since.after(life + Duration::from_secs(172_800)) > NOW);
    assert_eq!(log_since(pool.trust(), pollux_core::Timestamp::default()), pollux_core::Timestamp::default());
}

#[test]
fn a_page_of_what_was_taken_back_before_is_not_the_end() {
    let saves = Saves::new();
    let (gone, stays) = (saves.newest.clone(), saves.elsewhere.clone());
    let node = Node::start(move |heard| {
        let Heard::Request(Request::List { what, .. }) = heard else { panic!("{heard:?}") };
        let is_first = matches!(what, ListQuery::Pattern { after: None, .. });
        let (rows, taken) =
            if is_first { (Vec::new(), vec![gone.clone()]) } else { (vec![stays.clone()], Vec::new()) };
        vec![Act::Say(Reply::Listing { rows, more: is_first, from_seed: true, taken })]
    });
    let back =
        Envelope::sign(&yank(Yanked::Manifest(saves.newest.manifest.id()), false), &saves.scene.key("yank"));
    let trust = saves.scene.pool().trust().clone().hear(&[back], NOW);
    let envelope = Envelope::sign(
        &yank(Yanked::Publisher(saves.scene.key("publisher").public()), false),
        &saves.scene.key("yank"),
    );
    let connection = Connection::open(&node.socket, PATIENCE, Arc::default()).unwrap();
    let question = Question { trust: &trust, yank: &envelope, now: NOW, log: None, patience: PATIENCE };
    assert_eq!(told(&survey(&connection, question).unwrap()), [("b/npm/1".to_owned(), 9, None)]);
}
