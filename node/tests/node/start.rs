//! How a node refuses to start.

use crate::ground::{Ground, Running};
use pollux_client::key_file::{self, KeyFileError};
use pollux_core::{KeyPair, PeerRole};
use pollux_node::clock::Clock;
use pollux_node::identity::IdentityError;
use pollux_node::run::{self, StartError};
use pollux_node::store::StoreError;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_a_socket() {
    let ground = Ground::new();
    let first = ground.settings("first");
    let node = Running::start(&first).await.unwrap();
    let mut second = ground.settings("second");
    second.socket = first.socket.clone();
    let Err(StartError::Io { path, source }) = Running::start(&second).await.map(drop) else {
        panic!("refused")
    };
    assert_eq!((path, source.kind()), (first.socket.clone(), io::ErrorKind::AddrInUse));
    assert!(first.socket.exists(), "the first one's socket is left alone");
    node.stop().await;
    Running::start(&second).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_a_store() {
    let ground = Ground::new();
    let first = ground.settings("first");
    let node = Running::start(&first).await.unwrap();
    let mut second = ground.settings("second");
    second.store = first.store.clone();
    let refused = Running::start(&second).await.map(drop);
    let error = refused.unwrap_err();
    assert!(matches!(error, StartError::Store(StoreError::InUse { .. })), "{error:?}");
    let process = format!("in use by another node (process {})", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    assert!(error.hint().unwrap().contains("systemctl stop pollux-node"), "{error}");
    assert!(!error.lasts(), "it may be gone a moment later");
    node.stop().await;
    Running::start(&second).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_of_a_dead_node_is_taken_over_and_nothing_else() {
    let ground = Ground::new();
    let settings = ground.settings("node");
    std::fs::create_dir_all(&settings.runtime).unwrap();
    drop(UnixListener::bind(&settings.socket).unwrap());
    Running::start(&settings).await.unwrap().stop().await;
    std::fs::write(&settings.socket, "precious").unwrap();
    assert!(matches!(Running::start(&settings).await.map(drop), Err(StartError::Io { .. })));
    assert_eq!(std::fs::read_to_string(&settings.socket).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_records_are_refused_until_they_are_deleted() {
    let ground = Ground::new();
    let mut settings = ground.settings("node");
    Running::start(&settings).await.unwrap().stop().await;
    let records = settings.store.join("records.redb");
    let good = std::fs::read(&records).unwrap();
    let half = good[..good.len() / 2].to_vec();
    let zeroed = [&[0; 4096], &good[4096..]].concat();
    for (role, words) in
        [(PeerRole::Node, "delete this file and start again"), (PeerRole::Seed, "vote twice")]
    {
        settings.role = role;
        settings.identity = Some(ground.path("pool/seed.pem"));
        for damaged in [&half, &zeroed, &b"no database".to_vec()] {
            std::fs::write(&records, damaged).unwrap();
            let error = Running::start(&settings).await.map(drop).unwrap_err();
            assert!(matches!(&error, StartError::Records { path, .. } if *path == records), "{error}");
            assert!(error.hint().unwrap().contains(words), "{error}");
            assert_eq!(&std::fs::read(&records).unwrap(), damaged, "it is left as it is");
        }
    }
    std::fs::remove_file(&records).unwrap();
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(
        matches!(error, StartError::NoMarker { .. }),
        "a seed forgets its marker with its votes: {error}"
    );
    settings.role = PeerRole::Node;
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(matches!(error, StartError::IsASeed(_)), "a seed's key is no node's: {error}");
    settings.identity = None;
    Running::start(&settings).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let ground = Ground::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = ground.settings("node");
    settings.listen = vec![taken.local_addr().unwrap()];
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(error.to_string().contains(&taken.local_addr().unwrap().to_string()), "{error}");
    assert!(
        error.hint().unwrap().contains("change `listen`") && !error.lasts(),
        "it may be free later: {error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_needs_the_key_of_a_seed() {
    let ground = Ground::new();
    let mut settings = ground.settings("seed");
    settings.role = PeerRole::Seed;
    settings.identity = Some(ground.path("pool/publisher.pem"));
    let error = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(matches!(error, StartError::NotASeed(_)), "{error}");
    settings.identity = Some(ground.path("pool/seed.pem"));
    settings.init_empty = true;
    Running::start(&settings).await.unwrap().stop().await;
}

#[test]
fn keys_are_secret_or_refused() {
    let ground = Ground::new();
    let mut settings = ground.settings("node");
    let path = ground.path("key.pem");
    settings.identity = Some(path.clone());
    let check = || run::check(&settings, Clock::new(0));
    let missing = check().unwrap_err();
    assert!(missing.to_string().contains("key.pem"), "{missing}");
    key_file::write_new(&path, &KeyPair::from_seed([1; 32])).unwrap();
    assert!(check().is_ok());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = || match check() {
        Err(StartError::Identity(IdentityError::Key(error))) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refused(), KeyFileError::Exposed { mode: 0o644, .. }));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "no key").unwrap();
    assert!(matches!(refused(), KeyFileError::Parse { .. }));
}

#[test]
fn pool_files_are_believed_or_refused() {
    let ground = Ground::new();
    let settings = ground.settings("node");
    let check = |shift| run::check(&settings, Clock::new(shift));
    assert_eq!(check(0).unwrap().pool, "ci");
    let expired = check(400 * 86_400).unwrap_err();
    assert!(matches!(expired, StartError::Pool { .. }), "{expired}");
    assert!(expired.hint().unwrap().contains("pollux pool renew"), "{expired}");
    let good = std::fs::read_to_string(&settings.pool).unwrap();
    for bad in ["", "{}", "[1, 2]", &good[..good.len() / 2]] {
        std::fs::write(&settings.pool, bad).unwrap();
        let error = check(0).unwrap_err();
        assert!(matches!(error, StartError::PoolFile { .. }), "{error}");
        assert!(error.to_string().contains("pool.json"), "{error}");
    }
    std::fs::write(&settings.pool, format!("{good}{good}")).unwrap();
    let two = check(0).unwrap_err();
    assert!(matches!(two, StartError::TwoPools { .. }) && two.lasts(), "{two}");
    assert!(two.hint().unwrap().contains("pool.json of one pool"), "{two}");
    std::fs::write(&settings.pool, vec![b' '; 3 << 20]).unwrap();
    assert!(check(0).unwrap_err().to_string().contains("too long"));
    std::fs::remove_file(&settings.pool).unwrap();
    assert!(matches!(check(0), Err(StartError::NoPoolFile { .. })));
}

#[test]
fn checking_makes_nothing() {
    let ground = Ground::new();
    let settings = ground.settings("node");
    let outlook = run::check(&settings, Clock::new(0)).unwrap();
    assert_eq!(outlook.peer, None);
    assert!(!settings.runtime.exists() && !settings.store.exists());
}

#[test]
fn a_log_filter_is_checked_too() {
    let ground = Ground::new();
    let mut settings = ground.settings("node");
    settings.log = "pollux_node=loudly".to_owned();
    let error = run::check(&settings, Clock::new(0)).unwrap_err();
    assert!(matches!(error, StartError::Log(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metrics_address_that_is_taken_is_named() {
    let ground = Ground::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let mut settings = ground.settings("node");
    settings.metrics = Some(taken);
    let refused = Running::start(&settings).await.map(drop).unwrap_err();
    assert!(refused.to_string().contains(&taken.to_string()), "{refused}");
    assert!(!settings.socket.exists(), "nothing is left of it");
    drop(listener);
    Running::start(&settings).await.unwrap().stop().await;
}
