//! What a seed's answers cost. Run with `cargo test --release -p pollux-core -- --ignored --nocapture cost`.
use super::bench::Bench;
use crate::belief::fixture::{query, yank, yank_envelope};
use crate::engine::Input;
use crate::message::Control;
use crate::{Nonce, Yanked};
use core::time::Duration;

/// A seed of four with a thousand manifests, and no yank or a thousand, is asked by one member: message in, answer signed,
/// message out in its bytes. 10,000 a second are wanted of one core.
#[test]
#[ignore = "a measurement, not a check: what it prints depends on the machine"]
#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn cost_of_answering() {
    const ROUNDS: u32 = 5_000;
    for yanks in [0, 1_000] {
        let mut bench = Bench::seed(4);
        let taken = |number| yank_envelope(&yank(&format!("y{number}"), Yanked::Grant(format!("g{number}"))));
        let heard: Vec<_> = (0..yanks).map(taken).collect();
        bench.engine.config.trust = std::sync::Arc::new(bench.pool.trust().hear(&heard, bench.now().wall));
        for number in 0..1_000 {
            let manifest = bench.pool.manifest(&format!("core/main/npm/{number}"), 1);
            bench.give(Input::Recovered(bench.pool.certified(&manifest)));
        }
        bench.clear();
        let member = bench.member(1);
        let asked = query("core/main/npm/7", &["core/main/npm"]);
        bench.clear_sent(member);
        let begin = std::time::Instant::now();
        let mut bytes = 0;
        for number in 0..ROUNDS {
            bench.pass(Duration::from_millis(10));
            let nonce = Nonce::from_bytes([number.to_le_bytes()[0]; 32]);
            bench.say(member, Control::Ask { ask: number, nonce, query: asked.clone() });
            let sent = bench.sent(member);
            assert!(sent.iter().any(|message| matches!(message, Control::Answer { .. })));
            bytes += sent.iter().map(|message| message.encode().len()).sum::<usize>();
            bench.clear();
        }
        let each = begin.elapsed() / ROUNDS;
        println!("{yanks} yanks: {each:?} an answer of {} bytes", bytes / usize::try_from(ROUNDS).unwrap());
    }
}
