use super::*;
use pollux_core::Trust;
use std::os::unix::fs::MetadataExt;

fn request(directory: &Path) -> InitRequest {
    InitRequest {
        directory: directory.join("pool"),
        name: "ci".to_owned(),
        seed_addresses: vec!["127.0.0.1:4480".to_owned()],
        networks: Vec::new(),
        patterns: vec!["**".parse().unwrap()],
        policy_days: 365,
        now: Timestamp::from_millis(1_700_000_000_000),
    }
}

#[test]
fn a_new_pool_is_believed() {
    let directory = tempfile::tempdir().unwrap();
    let request = request(directory.path());
    let made = init(&request).unwrap();
    let text = fs::read_to_string(request.directory.join("pool.json")).unwrap();
    let trust = Trust::open(&PoolFile::from_json(&text).unwrap(), request.now).unwrap();
    assert!(trust.is_seed(&made.seeds[0].peer));
    assert!(trust.policy().may_dial(&IpAddr::from([127, 0, 0, 1])));
}

#[test]
fn keys_are_for_their_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let request = request(directory.path());
    init(&request).unwrap();
    for name in ["root.pem", "admission.pem", "publisher.pem", "yank.pem", "seed.pem"] {
        assert_eq!(fs::metadata(request.directory.join(name)).unwrap().mode() & 0o7777, 0o600, "{name}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let request = request(directory.path());
    init(&request).unwrap();
    let before = fs::read(request.directory.join("root.pem")).unwrap();
    assert!(matches!(init(&request), Err(InitError::NotEmpty(_))));
    assert_eq!(fs::read(request.directory.join("root.pem")).unwrap(), before);
}

#[test]
fn an_address_without_a_port_is_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let request =
        InitRequest { seed_addresses: vec!["seed.example".to_owned()], ..request(directory.path()) };
    assert!(matches!(init(&request), Err(InitError::Address(_))));
    assert!(!request.directory.exists());
}

#[test]
fn only_a_seed_on_loopback_lets_loopback_be_dialled() {
    let directory = tempfile::tempdir().unwrap();
    let with_seed =
        |seed: &str| InitRequest { seed_addresses: vec![seed.to_owned()], ..request(directory.path()) };
    let covers = |seed: &str, address: IpAddr| {
        networks(&with_seed(seed)).unwrap().iter().any(|network| network.cidr.contains(&address))
    };
    assert!(covers("127.0.0.1:1", IpAddr::from([127, 0, 0, 9])));
    assert!(covers("[::1]:1", "::1".parse().unwrap()));
    assert!(!covers("seed.example:1", IpAddr::from([127, 0, 0, 9])));
    assert!(covers("seed.example:1", IpAddr::from([10, 1, 2, 3])));
    assert!(!covers("seed.example:1", IpAddr::from([8, 8, 8, 8])));
}

#[test]
fn networks_that_are_named_are_the_only_ones() {
    let directory = tempfile::tempdir().unwrap();
    let named = network("192.0.2.0/24=rack-1").unwrap();
    assert_eq!((named.zone.as_str(), named.memberships), ("rack-1", 1));
    let request = InitRequest { networks: vec![named], ..request(directory.path()) };
    assert_eq!(networks(&request).unwrap().len(), 1);
    assert!(network("192.0.2.0/33").is_err());
}

#[test]
fn a_policy_that_makes_no_sense_makes_no_pool() {
    let directory = tempfile::tempdir().unwrap();
    let request = InitRequest { name: String::new(), ..request(directory.path()) };
    assert!(matches!(init(&request), Err(InitError::Policy(_))));
    assert!(!request.directory.exists());
}

#[test]
fn the_configurations_name_what_was_made() {
    let directory = tempfile::tempdir().unwrap();
    let request = request(directory.path());
    init(&request).unwrap();
    let read = |name: &str| fs::read_to_string(request.directory.join(name)).unwrap();
    let (seed, node) = (read("seed.toml"), read("node.toml"));
    assert!(seed.contains("listen = [\"127.0.0.1:4480\"]") && seed.contains("seed.pem"), "{seed}");
    assert!(node.contains("pool.json") && node.contains("listen = [\"127.0.0.1:0\"]"), "{node}");
    assert!(
        configuration::of_seed(Path::new("p"), Path::new("k.pem"), "seed.example:4480")
            .contains("0.0.0.0:4480")
    );
    assert!(
        !configuration::of_node(directory.path(), &["seed.example:4480".to_owned()], false)
            .contains("listen")
    );
}

#[test]
fn several_seeds_have_a_key_and_a_configuration_each() {
    for (count, both, faulty) in [(3, 2, 0), (4, 3, 1)] {
        let directory = tempfile::tempdir().unwrap();
        let seed_addresses = (1..=count).map(|number| format!("192.0.2.{number}:4480")).collect();
        let request = InitRequest { seed_addresses, ..request(directory.path()) };
        let made = init(&request).unwrap();
        assert_eq!(made.quorum, Quorum { write: both, read: both, faulty });
        for (seed, number) in made.seeds.iter().zip(1..) {
            assert_eq!(seed.name, format!("seed-{number}"));
            let place = |ending: &str| request.directory.join(format!("{}.{ending}", seed.name));
            assert_eq!(PeerId::new(key_file::read(&place("pem")).unwrap().public()), seed.peer);
            let text = fs::read_to_string(place("toml")).unwrap();
            for word in [
                format!("192.0.2.{number}:4480"),
                format!("seed-{number}.pem"),
                format!("seed-{number}/store"),
            ] {
                assert!(text.contains(&word), "{text}");
            }
        }
        assert!(!request.directory.join("seed.pem").exists());
    }
}

#[test]
fn the_yank_key_is_the_policys() {
    let directory = tempfile::tempdir().unwrap();
    let request = request(directory.path());
    init(&request).unwrap();
    let pool = crate::pool::OpenPool::read(&request.directory.join("pool.json")).unwrap();
    assert_eq!(pool.policy().yank, [key_file::read(&request.directory.join("yank.pem")).unwrap().public()]);
}

#[test]
fn too_many_seeds_are_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let seed_addresses = vec!["seed.example:1".to_owned(); 17];
    let request = InitRequest { seed_addresses, ..request(directory.path()) };
    assert!(matches!(init(&request), Err(InitError::TooManySeeds(17))));
    assert!(!request.directory.exists());
}
