//! The steps of a fixture once more, as the updates of each level for those who bring their own transport.

use serde_json::Value;
use statetemplate_core::testing::Document;
use statetemplate_core::{OptimizationLevel, Plan, Snapshot, Update, diff};

use crate::unordered::unordered;

const LEVELS: [OptimizationLevel; 4] = [
    OptimizationLevel::None,
    OptimizationLevel::Content,
    OptimizationLevel::Structural,
    OptimizationLevel::Maximal,
];

/// Follows the data through all of its states, by updates alone.
pub(crate) fn replay(plan: &Plan, states: &[Value]) -> Result<(), String> {
    let said = |error: statetemplate_core::Error| format!("{error:#}");
    for level in LEVELS {
        let mut old = Snapshot::of(&states[0]).map_err(said)?;
        let mut document = Document::parse(&plan.render(&old, "").map_err(said)?).map_err(said)?;
        let mut sequence = 0;
        for state in &states[1..] {
            let new = old.next(state).map_err(said)?;
            let patch = diff(plan, &old, &new).map_err(said)?;
            let updates = Update::from_patch(plan, &patch, &old, &new, level, &mut sequence).map_err(said)?;
            for update in &updates {
                document
                    .apply_update(update)
                    .map_err(|error| format!("{error}\nin {update:#?}"))?;
            }
            let fresh = Document::normalise(&plan.render(&new, "").map_err(said)?);
            if unordered(&document.html()) != unordered(&fresh) {
                return Err(format!(
                    "after the updates of level {level:?} for {state} the document is\n{}\nand should be\n{fresh}\n{updates:#?}",
                    document.html()
                ));
            }
            old = new;
        }
    }
    Ok(())
}
