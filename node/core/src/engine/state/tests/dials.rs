//! Who is dialled: seeds for ever, neighbours once, nobody twice at a time.
use super::super::chance::Chance;
use super::super::dials::Dials;
use super::peer;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
enum Step {
    Once(u16),
    Start(u16),
    Connected(u16),
    Failed(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_u16..5;
    prop_oneof![
        who.clone().prop_map(Step::Once),
        who.clone().prop_map(Step::Start),
        who.clone().prop_map(Step::Connected),
        who.prop_map(Step::Failed),
    ]
}

/// The first two are seeds.
fn is_seed(who: u16) -> bool {
    who < 2
}

fn addresses(who: u16) -> Vec<String> {
    vec![format!("10.0.0.{who}:7")]
}

/// Those that are targets, and whether they are dialled now.
type Model = BTreeMap<u16, bool>;

fn run(dials: &mut Dials, model: &mut Model, step: Step) {
    match step {
        Step::Once(who) => {
            let fresh = !model.contains_key(&who);
            assert_eq!(dials.once(peer(who), addresses(who), peer(99)), fresh);
            model.entry(who).or_insert(false);
        }
        Step::Start(who) => {
            let begins = model.get_mut(&who).is_some_and(|dialling| !core::mem::replace(dialling, true));
            assert_eq!(dials.start(&peer(who)), begins.then(|| addresses(who)));
        }
        Step::Connected(who) => {
            dials.connected(&peer(who));
            rest(model, who);
        }
        Step::Failed(who) => {
            let again = dials.failed(&peer(who), &mut Chance::new(1)).is_some();
            assert_eq!(again, is_seed(who), "only a seed is dialled again");
            rest(model, who);
        }
    }
}

fn rest(model: &mut Model, who: u16) {
    if is_seed(who) {
        model.insert(who, false);
    } else {
        model.remove(&who);
    }
}

proptest! {
    #[test]
    fn nobody_is_dialled_twice_at_a_time(steps in prop::collection::vec(step(), 0..60)) {
        let (mut dials, mut model) = (Dials::default(), Model::new());
        for who in 0..2 {
            dials.keep(peer(who), addresses(who));
            model.insert(who, false);
        }
        for step in steps {
            run(&mut dials, &mut model, step);
            let resting = model.iter().filter(|(who, dialling)| is_seed(**who) && !**dialling);
            prop_assert_eq!(dials.resting(), resting.map(|(who, _)| peer(*who)).collect::<Vec<_>>());
            prop_assert_eq!(dials.neighbours_under_way(), model.keys().filter(|who| !is_seed(**who)).count());
            for who in 0..5 {
                prop_assert_eq!(dials.is_dialling(&peer(who)), model.get(&who) == Some(&true));
            }
        }
    }
}

#[test]
fn a_connection_alone_does_not_shorten_the_wait() {
    let (mut dials, mut chance) = (Dials::default(), Chance::new(1));
    dials.keep(peer(0), addresses(0));
    let waits: Vec<_> = (0..6)
        .filter_map(|_| {
            dials.connected(&peer(0));
            dials.failed(&peer(0), &mut chance)
        })
        .collect();
    assert!(waits[5] > waits[0] * 8, "one that takes connections and drops them is not dialled in a loop");
}
