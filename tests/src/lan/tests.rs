use super::*;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

const FAST: Link = Link { up: 1_000_000_000, down: 1_000_000_000 };

fn open() -> Option<Lan> {
    match Lan::open() {
        Ok(lan) => Some(lan),
        Err(LanError::NotRoot) => {
            println!("skipped, since it needs root");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

/// Sends so much from one host to another, and gives the seconds that it took.
fn send(from: &Host, to: &Host, bytes: usize) -> f64 {
    let at = SocketAddr::from((to.address, 4000));
    let listener = to.run(|| TcpListener::bind(at)).unwrap();
    let sender = from.clone();
    let began = Instant::now();
    let sent = std::thread::spawn(move || {
        sender.run(|| TcpStream::connect(at)?.write_all(&vec![7; bytes])).unwrap();
    });
    let mut heard = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut heard).unwrap();
    sent.join().unwrap();
    assert_eq!(heard.len(), bytes);
    began.elapsed().as_secs_f64()
}

#[test]
fn hosts_reach_each_other_and_what_they_send_is_counted() {
    let Some(mut lan) = open() else { return };
    let (a, b) = (lan.add(FAST).unwrap(), lan.add(FAST).unwrap());
    assert_eq!([a.address, b.address].map(|a| a.to_string()), ["10.77.0.1", "10.77.0.2"]);
    let before = lan.carried().unwrap();
    send(&a, &b, 4 << 20);
    let after = lan.carried().unwrap();
    let (up, down) = (after[0].up - before[0].up, after[1].down - before[1].down);
    let most = (4 << 20) * 11 / 10;
    assert!(((4 << 20)..most).contains(&up) && ((4 << 20)..most).contains(&down), "{up} {down}");
    assert!(after[0].down < 1 << 20, "what comes back is little: {after:?}");
}

/// A slow machine is slower yet, so that only the lower bound says anything.
#[test]
fn a_link_is_as_slow_as_it_is_said_to_be() {
    let Some(mut lan) = open() else { return };
    let (a, b) = (lan.add(Link { up: 20_000_000, ..FAST }).unwrap(), lan.add(FAST).unwrap());
    let took = send(&a, &b, 2_500_000);
    assert!(took > 0.95, "20 Mbit at 20 Mbit/s took {took} s");
}

#[test]
fn nothing_is_left_of_a_network() {
    let Some(mut lan) = open() else { return };
    lan.add(FAST).unwrap();
    let name = lan.name.clone();
    let left = || ip("netns list").unwrap().lines().filter(|line| line.starts_with(&name)).count();
    assert_eq!(left(), 2);
    drop(lan);
    assert_eq!(left(), 0);
}

#[test]
fn addresses_are_numbered_and_bounded() {
    let text = |number| address(number).map(|address| address.to_string()).ok();
    assert_eq!(text(0).as_deref(), Some("10.77.0.1"));
    assert_eq!(text(250).as_deref(), Some("10.77.1.1"));
    assert_eq!(text(9_999).as_deref(), Some("10.77.39.250"));
    assert_eq!(text(10_000), None);
}
