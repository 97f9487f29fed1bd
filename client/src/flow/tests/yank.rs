//! What a yank would take, as it is asked of a node.

use super::node::{Act, Heard, Node};
use crate::connection::Connection;
use crate::flow::{Question, Survey, survey};
use crate::pool::testing::{NOW, Scene, pair};
use crate::protocol::{Reply, Request};
use pollux_core::message::ListQuery;
use pollux_core::{
    CertifiedEnvelope, ChunkId, ChunkRef, Envelope, Manifest, ManifestId, Provenance, Receipt, TreeRef,
    TreeTotals, Yank, Yanked,
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
}

impl Saves {
    fn new() -> Self {
        let scene = Scene::new(1);
        let first = save(&scene, ("a/npm/1", 1), &[], 1);
        let newest = save(&scene, ("a/npm/1", 2), &[first.manifest.id()], 2);
        let sibling = save(&scene, ("a/npm/0", 7), &[], 0);
        let elsewhere = save(&scene, ("b/npm/1", 9), &[first.manifest.id()], 3);
        Self { scene, first, newest, sibling, elsewhere }
    }

    /// Asks a node that lists the newest of every key, one to a page, and knows the rest by id.
    fn survey(&self, what: Yanked, cascade: bool) -> (Survey, Yank) {
        let pages = [self.sibling.clone(), self.newest.clone(), self.elsewhere.clone()];
        let first = self.first.clone();
        let node = Node::start(move |heard| {
            let Heard::Request(Request::List { what, .. }) = heard else { panic!("{heard:?}") };
            let (rows, more) = match what {
                ListQuery::Pattern { after, .. } => {
                    let number = after.as_ref().map_or(0, |key| 1 + position(&pages, key));
                    (vec![pages[number].clone()], number + 1 < pages.len())
                }
                ListQuery::Manifest(id) if *id == first.manifest.id() => (vec![first.clone()], false),
                ListQuery::Manifest(_) | ListQuery::Prefix(_) => (Vec::new(), false),
            };
            vec![Act::Say(Reply::Listing { rows, more, from_seed: true, taken: Vec::new() })]
        });
        let yank = yank(what, cascade);
        let envelope = Envelope::sign(&yank, &self.scene.key("yank"));
        let connection = Connection::open(&node.socket, PATIENCE, Arc::default()).unwrap();
        let pool = self.scene.pool();
        let question = Question { trust: pool.trust(), yank: &envelope, now: NOW, patience: PATIENCE };
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
