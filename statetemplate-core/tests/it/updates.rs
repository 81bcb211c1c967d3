//! The replay oracle for updates: applied to the document, they make it equal a fresh render, at every level.

use proptest::prelude::*;
use serde_json::{Value, json};
use statetemplate_core::testing::Document;
use statetemplate_core::{OptimizationLevel, Plan, Snapshot, Update, diff};

use crate::oracle::environment;
use crate::unordered::unordered;
use crate::{simple, workload};

const LEVELS: [OptimizationLevel; 4] = [
    OptimizationLevel::None,
    OptimizationLevel::Content,
    OptimizationLevel::Structural,
    OptimizationLevel::Maximal,
];

/// Follows the data through all of its states; gives the bytes of the updates as JSON.
fn replay(plan: &Plan, states: &[Value], level: OptimizationLevel) -> usize {
    let mut old = Snapshot::of(&states[0]).unwrap();
    let mut document = Document::parse(&plan.render(&old, "").unwrap()).unwrap();
    let (mut sequence, mut bytes) = (0, 0);
    for (at, state) in states.iter().enumerate().skip(1) {
        let new = old.next(state).unwrap();
        let patch = diff(plan, &old, &new).unwrap();
        let updates = Update::from_patch(plan, &patch, &old, &new, level, &mut sequence).unwrap();
        for update in &updates {
            let json = serde_json::to_string(update).unwrap();
            bytes += json.len();
            let received: Update = serde_json::from_str(&json).unwrap();
            document
                .apply_update(&received)
                .unwrap_or_else(|error| panic!("state {at}: {error}\n{json}"));
        }
        let fresh = Document::normalise(&plan.render_plain(&new).unwrap());
        assert_eq!(
            unordered(&document.html()),
            unordered(&fresh),
            "state {at} at {level:?}: {updates:#?}"
        );
        old = new;
    }
    bytes
}

#[test]
fn the_workload_replays_at_every_level() {
    let plan = workload::plan();
    let states: Vec<Value> = workload::steps().into_iter().map(|(_, data)| data).collect();
    let mut sizes = Vec::new();
    for level in LEVELS {
        sizes.push(replay(&plan, &states, level));
    }
    // Differences of classes are not smaller than short values; they leave alone what scripts have added.
    assert!(sizes[0] > 2 * sizes[1] && sizes[1] > 2 * sizes[2], "{sizes:?}");
}

const NESTED: &str = "<h1 class=\"{{ c }}\" style=\"{{ s }}\">{{ t }}</h1><ul>{% for g in gs %}{% if g.is %}\
    <li id=\"{{ g.id }}\">{{ g.id }}<ol>{% for i in g.is %}<b id=\"{{ i }}\">{{ i }}{{ t }}</b>{% else %}-{% endfor %}</ol></li>\
    {% endif %}{% else %}<li>none {{ t }}</li>{% endfor %}</ul>{{ t|safe }}";

fn nested() -> impl Strategy<Value = Value> {
    let group =
        (0..6u8, proptest::collection::vec(0..5u8, 0..4)).prop_map(|(id, is)| json!({"id": id, "is": is}));
    (
        proptest::sample::select(vec!["", "a", "a b", "b c", "b a"]),
        proptest::sample::select(vec!["", "color: red", "color: blue; top: 0"]),
        proptest::sample::select(vec!["", "x", "y"]),
        proptest::collection::vec(group, 0..6),
    )
        .prop_map(|(c, s, t, gs)| json!({"c": c, "s": s, "t": t, "gs": gs}))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 1000, ..ProptestConfig::default() })]

    #[test]
    fn random_pages_replay_at_every_level(
        parts in proptest::collection::vec(simple::piece(3, false), 1..6),
        states in proptest::collection::vec(simple::data(), 2..5),
    ) {
        let mut env = environment(&[]);
        env.add_template_owned("page.html", format!("<main>{}</main>", parts.concat())).unwrap();
        let plan = Plan::compile(&env, "page.html").unwrap();
        for level in LEVELS {
            replay(&plan, &states, level);
        }
    }

    #[test]
    fn any_states_replay_at_every_level(states in proptest::collection::vec(nested(), 2..5)) {
        let plan = Plan::compile(&environment(&[("nested.html", NESTED)]), "nested.html").unwrap();
        for level in LEVELS {
            replay(&plan, &states, level);
        }
    }
}
