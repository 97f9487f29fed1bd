//! The marker of a seed's store: a first start makes it, a lost disk has none, an operator may accept the loss.

use crate::ground::{Ground, Running};
use pollux_client::key_file;
use pollux_core::{Envelope, KeyPair, PeerId, PeerRole, Policy, PoolFile, Seed};
use pollux_node::clock::Clock;
use pollux_node::config::Settings;
use pollux_node::marker;
use pollux_node::run::StartError;
use pollux_node::store::{Store, StoreOptions};

fn seed(ground: &Ground) -> Settings {
    let mut settings = ground.settings("seed");
    settings.role = PeerRole::Seed;
    settings.identity = Some(ground.path("pool/seed.pem"));
    settings
}

/// The policy gets another seed, which is nowhere.
fn add_seed(ground: &Ground) {
    let root = key_file::read(&ground.path("pool/root.pem")).unwrap();
    let mut pool = PoolFile::from_json(&std::fs::read_to_string(ground.pool_file()).unwrap()).unwrap();
    let mut policy: Policy = pool.policy.body().unwrap();
    let peer = PeerId::new(KeyPair::from_seed([77; 32]).public());
    policy.seeds.push(Seed { peer, addresses: vec!["127.0.0.1:2".to_owned()] });
    (policy.write, policy.read) = (2, 2);
    pool.policy = Envelope::sign(&policy, &root);
    std::fs::write(ground.pool_file(), pool.to_json()).unwrap();
}

/// The epoch on the disk.
fn epoch(settings: &Settings) -> Option<u64> {
    let options = StoreOptions { bytes_max: Some(64 << 20), free_bytes_min: 0 };
    Store::open(&settings.store, options).unwrap().1.marker
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_seed_starts_empty_only_when_told_so_and_only_once() {
    let ground = Ground::new();
    let mut settings = seed(&ground);
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(matches!(error, StartError::NoMarker { .. }), "{error}");
    assert!(error.to_string().contains("no marker") && error.hint().unwrap().contains("--init-empty"));
    settings.init_empty = true;
    Running::start(&settings).await.unwrap().stop().await;
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(
        matches!(error, StartError::HasMarker { .. }),
        "a unit file that always says so is noticed: {error}"
    );
    assert_eq!(error.hint(), Some("start without --init-empty"));
    settings.init_empty = false;
    let before = epoch(&settings).unwrap();
    Running::start(&settings).await.unwrap().stop().await;
    assert_eq!(epoch(&settings), Some(before + 1), "every start raises it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_that_is_always_started_alike_is_begun_before() {
    let ground = Ground::new();
    let mut settings = seed(&ground);
    // Its operator need not have its key at hand.
    settings.identity = Some("credential:seed-key".into());
    std::fs::create_dir_all(&settings.store).unwrap();
    assert_eq!(marker::begin_empty(&settings, Clock::new(0)).unwrap(), 1);
    let again = marker::begin_empty(&settings, Clock::new(0)).unwrap_err();
    assert!(matches!(again, StartError::HasMarker { .. }), "{again}");
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("LoadCredential=seed-key:FILE"), "{error}");
    Running::start(&seed(&ground)).await.unwrap().stop().await;
    settings.role = PeerRole::Node;
    let error = marker::begin_empty(&settings, Clock::new(0)).unwrap_err();
    assert!(matches!(error, StartError::NodeHasNoMarker), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_seed_that_lost_its_disk_needs_recover_accept_loss() {
    let ground = Ground::new();
    let mut settings = seed(&ground);
    settings.init_empty = true;
    Running::start(&settings).await.unwrap().stop().await;
    settings.init_empty = false;
    std::fs::remove_dir_all(&settings.store).unwrap();
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(error.hint().unwrap().contains("pollux-node seed recover --accept-loss"), "{error}");
    let accepted = marker::accept_loss(&settings, Clock::new(0)).unwrap();
    assert!(accepted > 1_700_000_000_000, "above whatever others have seen: {accepted}");
    assert_eq!(epoch(&settings), Some(accepted));
    assert!(
        marker::accept_loss(&settings, Clock::new(-1_000_000)).unwrap() > accepted,
        "also by a clock that went back"
    );
    Running::start(&settings).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_others_a_seed_starts_without_a_marker_and_makes_none() {
    let ground = Ground::new();
    add_seed(&ground);
    let settings = seed(&ground);
    Running::start(&settings).await.unwrap().stop().await;
    assert_eq!(epoch(&settings), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_has_no_marker() {
    let ground = Ground::new();
    let settings = ground.settings("node");
    Running::start(&settings).await.unwrap().stop().await;
    assert_eq!(epoch(&settings), None);
    let error = marker::accept_loss(&settings, Clock::new(0)).unwrap_err();
    assert!(matches!(error, StartError::NodeHasNoMarker), "{error}");
}
