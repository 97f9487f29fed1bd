//! Where a peer that dialled this node can be dialled itself.
use super::bench::Bench;
use crate::belief::fixture::node;
use crate::engine::Input;
use crate::message::Control;

/// A peer comes from this address and tells this port: where it can be reached.
fn reached(address: &str, port: u16) -> Vec<String> {
    let mut bench = Bench::seed(1);
    bench.connect(node(1), address);
    bench.clear();
    says_port(&mut bench, port);
    addresses(&mut bench)
}

fn says_port(bench: &mut Bench, port: u16) {
    let Control::Hello(mut hello) = bench.hello(None) else { panic!("a hello") };
    hello.listen_port = port;
    bench.say(node(1), Control::Hello(hello));
}

fn addresses(bench: &mut Bench) -> Vec<String> {
    bench.reached().into_iter().map(|(_, address)| address.to_string()).collect()
}

#[test]
fn a_peer_that_dialled_is_reached_at_the_port_that_it_tells() {
    assert_eq!(reached("10.1.2.3:50000", 4480), ["10.1.2.3:4480"]);
    assert_eq!(reached("[::ffff:10.1.2.3]:50000", 4480), ["10.1.2.3:4480"]);
    assert_eq!(reached("10.1.2.3:50000", 0), [""; 0], "it accepts no connections");
}

#[test]
fn a_peer_is_reached_only_where_the_policy_lets_it_be_dialled() {
    for address in ["169.254.169.254:1", "127.0.0.1:1", "192.168.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert_eq!(reached(address, 80), [""; 0], "{address}");
    }
}

#[test]
fn a_peer_that_was_dialled_is_reached_where_it_was_dialled() {
    let mut bench = Bench::seed(1);
    let address = "10.1.2.3:4480".parse().unwrap();
    bench.give(Input::Connected { peer: node(1), address, dialled: true });
    says_port(&mut bench, 9);
    assert_eq!(addresses(&mut bench), [""; 0]);
}

#[test]
fn a_peer_of_another_pool_or_one_that_is_gone_is_not_reached() {
    let mut bench = Bench::seed(1);
    bench.connect(node(1), "10.1.2.3:50000");
    let Control::Hello(mut hello) = bench.hello(None) else { panic!("a hello") };
    hello.pool = "another".to_owned();
    bench.say(node(1), Control::Hello(hello));
    assert_eq!(addresses(&mut bench), [""; 0]);
    bench.connect(node(1), "10.1.2.3:50000");
    bench.give(Input::Disconnected { peer: node(1) });
    says_port(&mut bench, 9);
    assert_eq!(addresses(&mut bench), [""; 0]);
}
