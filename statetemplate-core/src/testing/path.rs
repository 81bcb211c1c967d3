//! The keys of patches: `12.0-2,5.e.3`.

use serde_json::{Map, Value};

/// Calls `each` with the next step of each key, and what comes after it: the rest of the key is a patch of its own. A
/// step may name several places, as `0-2,5` does.
pub(super) fn steps(
    patch: &Map<String, Value>,
    each: &mut impl FnMut(&str, &Value) -> Result<(), String>,
) -> Result<(), String> {
    for (key, change) in patch {
        let inner;
        let (step, change) = match key.split_once('.') {
            Some((step, rest)) => {
                inner = Value::Object(Map::from_iter([(rest.to_owned(), change.clone())]));
                (step, &inner)
            }
            None => (key.as_str(), change),
        };
        for places in step.split(',') {
            let Some((first, last)) = places.split_once('-') else {
                each(places, change)?;
                continue;
            };
            let (first, last) = position(first)
                .zip(position(last))
                .filter(|(first, last)| first < last)
                .ok_or_else(|| format!("{places:?} is no range of rows"))?;
            for at in first..=last {
                each(&at.to_string(), change)?;
            }
        }
    }
    Ok(())
}

/// A number as JSON writes it: `01` and `+1` are no positions.
pub(super) fn position(text: &str) -> Option<usize> {
    text.parse().ok().filter(|at: &usize| at.to_string() == text)
}
