//! Two honest wires: connecting, talking, parting.

use super::node::{Node, pair, say};
use crate::net::NetEvent;
use crate::net::bounds::CONTROL_WINDOW;
use pollux_core::{KeyPair, PeerId};

async fn talk(one: &mut Node, other: &mut Node) {
    for number in 0..20 {
        one.handle.send(other.id, &say(number));
        other.handle.send(one.id, &say(100 + number));
    }
    for number in 0..20 {
        assert_eq!(other.message().await, (one.id, say(number)));
        assert_eq!(one.message().await, (other.id, say(100 + number)));
    }
}

#[tokio::test]
async fn the_leader_dials_and_both_talk() {
    let (mut leader, mut follower) = pair().await;
    leader.join(&mut follower).await;
    talk(&mut leader, &mut follower).await;
}

#[tokio::test]
async fn the_follower_dials_and_both_talk() {
    let (mut leader, mut follower) = pair().await;
    follower.join(&mut leader).await;
    talk(&mut leader, &mut follower).await;
}

#[tokio::test]
async fn who_dialled_is_said_with_the_address() {
    let (mut one, mut other) = pair().await;
    one.handle.dial(other.id, vec![other.address]);
    let NetEvent::Connected { peer, address, dialled, messages } = one.next().await else {
        panic!("not connected")
    };
    assert_eq!((peer, address, dialled, messages), (other.id, other.address, true, CONTROL_WINDOW));
    let NetEvent::Connected { peer, dialled, .. } = other.next().await else { panic!("not connected") };
    assert_eq!((peer, dialled), (one.id, false));
}

#[tokio::test]
async fn a_dial_tries_every_address() {
    let (mut one, mut other) = pair().await;
    let closed = Node::start(3).await;
    let nobody = closed.address;
    drop(closed);
    one.handle.dial(other.id, vec![nobody, other.address]);
    assert_eq!(one.connected().await, other.id);
    assert_eq!(other.connected().await, one.id);
}

#[tokio::test]
async fn another_identity_than_dialled_is_a_failure() {
    let (mut one, other) = pair().await;
    let wanted = PeerId::new(KeyPair::from_seed([9; 32]).public());
    let answers = format!("another identity answers at {}", other.address);
    one.handle.dial(wanted, vec![other.address]);
    let event = one.next().await;
    assert!(
        matches!(&event, NetEvent::DialFailed { peer, why } if *peer == wanted && why.contains(&answers)),
        "{event:?}"
    );
}

#[tokio::test]
async fn a_dial_to_nobody_fails_once() {
    let (mut one, mut other) = pair().await;
    let gone = Node::start(3).await;
    let (id, address) = (gone.id, gone.address);
    gone.handle.shutdown();
    drop(gone);
    one.handle.dial(id, vec![]);
    let event = one.next().await;
    assert!(matches!(event, NetEvent::DialFailed { peer, .. } if peer == id), "{event:?}");
    one.handle.dial(one.id, vec![address]);
    let event = one.next().await;
    assert!(matches!(event, NetEvent::DialFailed { peer, .. } if peer == one.id), "{event:?}");
    // Nothing was left behind: the next event is of the next dial.
    one.handle.dial(other.id, vec![other.address]);
    let event = one.next().await;
    assert!(matches!(event, NetEvent::Connected { .. }), "{event:?}");
    assert_eq!(other.connected().await, one.id);
}

#[tokio::test]
async fn dials_from_both_sides_make_one_connection() {
    for _ in 0..10 {
        let (mut one, mut other) = pair().await;
        one.handle.dial(other.id, vec![other.address]);
        other.handle.dial(one.id, vec![one.address]);
        assert!(matches!(one.next().await, NetEvent::Connected { .. }));
        assert!(matches!(other.next().await, NetEvent::Connected { .. }));
        // What follows is what was sent: nobody is connected, disconnected or failed a second time.
        for number in 0..50 {
            one.handle.send(other.id, &say(number));
            other.handle.send(one.id, &say(number));
            expect_message(&mut one, number).await;
            expect_message(&mut other, number).await;
        }
    }
}

async fn expect_message(node: &mut Node, number: u32) {
    loop {
        match node.next().await {
            NetEvent::SendCredit { .. } => {}
            NetEvent::Message { message, .. } => return assert_eq!(*message, say(number)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_disconnect_lets_out_what_was_sent_before() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    for number in 0..CONTROL_WINDOW {
        one.handle.send(other.id, &say(number));
    }
    one.handle.disconnect(other.id);
    for number in 0..CONTROL_WINDOW {
        assert_eq!(other.message().await, (one.id, say(number)));
    }
    assert_eq!(other.disconnected().await, one.id);
    assert_eq!(one.disconnected().await, other.id);
}

#[tokio::test]
async fn after_a_disconnect_both_can_connect_again() {
    let (mut one, mut other) = pair().await;
    for _ in 0..3 {
        one.join(&mut other).await;
        talk(&mut one, &mut other).await;
        other.handle.disconnect(one.id);
        assert_eq!(one.disconnected().await, other.id);
        assert_eq!(other.disconnected().await, one.id);
        other.join(&mut one).await;
        talk(&mut one, &mut other).await;
        other.handle.disconnect(one.id);
        assert_eq!(one.disconnected().await, other.id);
        assert_eq!(other.disconnected().await, one.id);
    }
}

#[tokio::test]
async fn a_shutdown_sends_what_waits_and_ends_the_events() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    one.handle.send(other.id, &say(7));
    one.handle.shutdown();
    assert_eq!(other.message().await, (one.id, say(7)));
    assert_eq!(other.disconnected().await, one.id);
    while one.events.recv().await.is_some() {}
}

#[tokio::test]
async fn dropping_the_handle_ends_the_wire() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    let Node { handle, mut events, id, .. } = one;
    drop(handle);
    while events.recv().await.is_some() {}
    assert_eq!(other.disconnected().await, id);
}

#[tokio::test]
async fn credit_comes_back_for_every_message() {
    let (mut one, mut other) = pair().await;
    one.join(&mut other).await;
    for number in 0..CONTROL_WINDOW {
        one.handle.send(other.id, &say(number));
    }
    let mut back = 0;
    while back < CONTROL_WINDOW {
        back += one
            .until(|event| match event {
                NetEvent::SendCredit { messages, .. } => Some(messages),
                _ => None,
            })
            .await;
    }
    assert_eq!(back, CONTROL_WINDOW);
}

#[tokio::test]
async fn a_port_that_is_taken_is_said() {
    let one = Node::start(1).await;
    let config = crate::net::NetConfig {
        identity: KeyPair::from_seed([2; 32]),
        role: pollux_core::PeerRole::Node,
        listen: vec![one.address],
    };
    let error = crate::net::NetHandle::start(config).await.expect_err("the port is taken");
    assert!(error.to_string().starts_with(&format!("cannot listen on {}", one.address)), "{error}");
}
