//! Makes a failing case small: whatever can go while the case fails in the same way goes.
//!
//! Proptest shrinks what a strategy chose, which can't take an element from around its content, or a key out of all
//! steps at once. Templates and data as such can be cut further.

use serde_json::Value;

use super::case::Case;

/// So many smaller cases are tried at most.
const BUDGET: usize = 6_000;

/// The smallest case found that fails as this one does, and how it fails.
pub(super) fn minimise(case: Case, why: String) -> (Case, String) {
    let mut search = Search {
        kind: kind(&why),
        case,
        why,
        left: BUDGET,
    };
    loop {
        let before = search.case.size();
        search.steps();
        search.settings();
        search.data();
        search.templates();
        search.data();
        if search.case.size() >= before || search.left == 0 {
            return (search.case, search.why);
        }
    }
}

struct Search {
    case: Case,
    why: String,
    kind: String,
    left: usize,
}

/// What a failure says before it comes to details.
fn kind(why: &str) -> String {
    let line = why.split(['\n', '[', '{', '"', '<']).next().unwrap_or_default();
    line.chars().filter(|c| !c.is_ascii_digit()).collect()
}

impl Search {
    /// Takes the smaller case if it fails as the case does.
    fn take(&mut self, smaller: Case) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match smaller.replay() {
            Err(why) if kind(&why) == self.kind => {
                self.case = smaller;
                self.why = why;
                true
            }
            _ => false,
        }
    }

    fn steps(&mut self) {
        let mut at = self.case.steps.len();
        while at > 0 {
            at -= 1;
            let mut smaller = self.case.clone();
            smaller.steps.remove(at);
            self.take(smaller);
        }
    }

    fn settings(&mut self) {
        for smaller in self.case.settings.simpler() {
            let mut case = self.case.clone();
            case.settings = smaller;
            self.take(case);
        }
    }

    fn templates(&mut self) {
        let names: Vec<String> = self.case.templates.keys().cloned().collect();
        for name in names {
            let mut smaller = self.case.clone();
            smaller.templates.remove(&name);
            if self.take(smaller) {
                continue;
            }
            self.tokens(&name);
        }
    }

    /// Cuts stretches of tokens out of a template, the long ones first, and pairs of tokens from around others.
    fn tokens(&mut self, name: &str) {
        let mut length = tokens(&self.case.templates[name]).len();
        while length > 0 {
            let mut start = 0;
            while start + length <= tokens(&self.case.templates[name]).len() {
                let cut = |at: usize| (start..start + length).contains(&at);
                if !self.without(name, &cut) {
                    start += 1;
                }
            }
            length = if length > 8 { length / 2 } else { length - 1 };
        }
        let mut first = 0;
        while first < tokens(&self.case.templates[name]).len() {
            let count = tokens(&self.case.templates[name]).len();
            let found = (first + 1..count).any(|last| self.without(name, &|at| at == first || at == last));
            if !found {
                first += 1;
            }
        }
    }

    fn without(&mut self, name: &str, cut: &dyn Fn(usize) -> bool) -> bool {
        let mut smaller = self.case.clone();
        let text = &self.case.templates[name];
        let kept: Vec<&str> = tokens(text)
            .into_iter()
            .enumerate()
            .filter(|(at, _)| !cut(*at))
            .map(|(_, token)| token)
            .collect();
        let kept = kept.concat();
        // A case that becomes untidy while it is cut would be about something else than at first.
        if !is_tidy(&kept) && is_tidy(text) {
            return false;
        }
        smaller.templates.insert(name.to_owned(), kept);
        self.take(smaller)
    }

    /// Simplifies each place of the data, in all steps at once and then in each.
    fn data(&mut self) {
        let mut places = Vec::new();
        for step in &self.case.steps {
            paths(step, "", &mut places);
        }
        places.sort();
        places.dedup();
        for place in &places {
            let steps: Vec<usize> = (0..self.case.steps.len()).collect();
            if !self.simplify(place, &steps) {
                for step in steps {
                    self.simplify(place, &[step]);
                }
            }
        }
    }

    fn simplify(&mut self, place: &str, steps: &[usize]) -> bool {
        let removed = self.edit(place, steps, &|parent, key| match parent {
            Value::Object(map) => map.remove(key).is_some(),
            Value::Array(list) => key
                .parse()
                .ok()
                .filter(|at: &usize| *at < list.len())
                .map(|at| list.remove(at))
                .is_some(),
            _ => false,
        });
        removed
            || [
                Value::Null,
                Value::from(false),
                Value::from(0),
                Value::from("a"),
                Value::Array(Vec::new()),
            ]
            .iter()
            .any(|simple| {
                self.edit(place, steps, &|parent, key| {
                    let value = match parent {
                        Value::Object(map) => map.get_mut(key),
                        Value::Array(list) => key.parse().ok().and_then(|at: usize| list.get_mut(at)),
                        _ => None,
                    };
                    value.is_some_and(|value| {
                        let simpler = rank(simple) < rank(value);
                        if simpler {
                            value.clone_from(simple);
                        }
                        simpler
                    })
                })
            })
    }

    fn edit(&mut self, place: &str, steps: &[usize], change: &dyn Fn(&mut Value, &str) -> bool) -> bool {
        let (parent, key) = place.rsplit_once('/').unwrap_or(("", place));
        let key = key.replace("~1", "/").replace("~0", "~");
        let mut smaller = self.case.clone();
        let mut changed = false;
        for step in steps {
            if let Some(parent) = smaller.steps[*step].pointer_mut(parent) {
                changed |= change(parent, &key);
            }
        }
        changed && self.take(smaller)
    }
}

/// A number that is lower for simpler values.
fn rank(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(on) => 1 + usize::from(*on),
        Value::Number(number) => 3 + number.to_string().len(),
        Value::String(text) => 40 + text.len(),
        Value::Array(list) => 1000 + list.len(),
        Value::Object(map) => 2000 + map.len(),
    }
}

/// The places below a value, as JSON pointers.
fn paths(value: &Value, at: &str, out: &mut Vec<String>) {
    let mut inside = |key: &str, value: &Value| {
        let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        out.push(path.clone());
        paths(value, &path, out);
    };
    match value {
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(key, value)| inside(&key.to_string(), value)),
        Value::Object(map) => map.iter().for_each(|(key, value)| inside(key, value)),
        _ => {}
    }
}

/// Whether each tag is whole, and each stretch of template between two statements closes the elements that it opens.
fn is_tidy(text: &str) -> bool {
    const VOID: &[&str] = &["br", "hr", "img", "input", "link", "meta", "circle", "path"];
    const BLOCKS: &[&str] = &[
        "if",
        "for",
        "with",
        "block",
        "macro",
        "filter",
        "autoescape",
        "call",
        "raw",
    ];
    // The open elements and statements; statements by a name that no element has.
    let mut open: Vec<&str> = Vec::new();
    let mut in_tag = false;
    for token in tokens(text) {
        let word = |skip: &[char]| {
            let text = token.trim_start_matches(skip);
            text.split(|c: char| !c.is_ascii_alphanumeric())
                .next()
                .unwrap_or_default()
        };
        if token.starts_with("{%") || token.starts_with("<%") {
            let name = word(&['{', '<', '%', '-', '+', ' ']);
            if name.starts_with("end") || matches!(name, "else" | "elif") {
                if open.last() != Some(&if in_tag { "%in" } else { "%" }) {
                    return false;
                }
                if name.starts_with("end") {
                    open.pop();
                }
            } else if BLOCKS.contains(&name) || (name == "set" && !token.contains('=')) {
                open.push(if in_tag { "%in" } else { "%" });
            }
        } else if token.starts_with("{{") || token.starts_with("<{") || token.starts_with("{#") {
            // It stands anywhere.
        } else if token.starts_with('<') && token.len() > 1 {
            let name = word(&['<', '/']);
            if in_tag || (token.starts_with("</") && open.pop() != Some(name)) {
                return false;
            }
            if !token.starts_with("</") && !VOID.contains(&name) {
                open.push(name);
            }
            in_tag = true;
        } else if token == ">" {
            in_tag = false;
        } else if token == "<" && in_tag {
            return false;
        }
    }
    !in_tag && open.is_empty() && !text.contains("={{") && !text.contains("=<{")
}

/// The parts of a template that may go by themselves: tags of the template and of its HTML, words, signs.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = ["{%", "{{", "{#", "<%", "<{", "<#"]
            .iter()
            .zip(["%}", "}}", "#}", "%>", "}>", "#>"])
            .find(|(open, _)| rest.starts_with(**open))
            .and_then(|(_, close)| Some(rest.find(close)? + close.len()))
            .or_else(|| {
                // The start of a tag is one token: `<b`, `</b`.
                let signs = rest.len() - rest.trim_start_matches("</").trim_start_matches('<').len();
                let word = rest[signs..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
                let word = word.unwrap_or(rest.len() - signs);
                Some(if word > 0 {
                    signs + word
                } else {
                    rest.chars().next()?.len_utf8()
                })
            });
        let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
        tokens.push(token);
        rest = after;
    }
    tokens
}
