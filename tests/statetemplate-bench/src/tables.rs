//! Keyed tables of 100, 1 000 and 10 000 rows, and what changes in them.

use serde::Serialize;
use statetemplate_core::Shared;

use crate::case::{self, After, Case, Data, Named, Page};
use crate::cli::Outcome;

const TABLE: &str = include_str!("../templates/table.html");
const CHUNKS: &str = include_str!("../templates/chunks.html");

pub(crate) const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// How many rows a shared chunk holds.
const CHUNK: usize = 100;

#[derive(Clone, Debug, Serialize)]
struct Row {
    id: u64,
    label: String,
    selected: bool,
}

/// The page's data; `R` is how it holds its rows.
#[derive(Clone, Debug, Serialize)]
struct Table<R> {
    title: &'static str,
    rows: R,
}

#[derive(Clone, Debug, Serialize)]
struct Chunked {
    title: &'static str,
    chunks: Vec<Shared<Vec<Row>>>,
}

/// A change of the rows.
#[derive(Clone, Copy, Debug)]
struct Change {
    name: &'static str,
    bar: Option<f64>,
    make: fn(&mut Vec<Row>),
}

const CHANGES: [Change; 9] = [
    Change {
        name: "one-row",
        bar: Some(case::ROW),
        make: |rows| {
            let middle = rows.len() / 2;
            rename(&mut rows[middle]);
        },
    },
    Change {
        name: "every-tenth",
        bar: None,
        make: |rows| rows.iter_mut().step_by(10).for_each(rename),
    },
    Change {
        name: "swap",
        bar: Some(case::ROW),
        make: |rows| {
            let last = rows.len() - 2;
            rows.swap(1, last);
        },
    },
    Change {
        name: "prepend",
        bar: Some(case::ROW),
        make: |rows| rows.insert(0, row(rows.len())),
    },
    Change {
        name: "append",
        bar: Some(case::ROW),
        make: |rows| rows.push(row(rows.len())),
    },
    Change {
        name: "remove",
        bar: Some(case::ROW),
        make: |rows| {
            rows.remove(rows.len() / 2);
        },
    },
    Change {
        name: "reverse",
        bar: Some(case::REVERSE),
        make: |rows| rows.reverse(),
    },
    Change {
        name: "clear",
        bar: None,
        make: Vec::clear,
    },
    Change {
        name: "replace-all",
        bar: Some(case::REPLACE),
        make: |rows| *rows = (rows.len()..2 * rows.len()).map(row).collect(),
    },
];

/// The table on its first data.
pub(crate) fn first(size: usize) -> Outcome<(Page, Box<dyn Data>)> {
    Ok((Page::new("table.html", TABLE)?, Box::new(table(rows(size)))))
}

/// Each change of each table; then changes with rows in [`Shared`].
pub(crate) fn cases() -> Vec<Named> {
    let mut cases = changes();
    for size in SIZES {
        cases.push(shared("list", "title", size, shared_list_title));
    }
    for size in SIZES {
        cases.push(shared("chunks", "title", size, shared_chunks_title));
        cases.push(shared("chunks", "one-row", size, shared_chunks_one_row));
    }
    for size in SIZES {
        cases.push(shared("rows", "title", size, shared_rows_title));
        cases.push(shared("rows", "one-row", size, shared_rows_one_row));
    }
    cases
}

/// Each change of each table.
pub(crate) fn changes() -> Vec<Named> {
    let mut cases = Vec::new();
    for size in SIZES {
        cases.push(Named {
            name: format!("table-{size}-title"),
            bar: Some(case::TEXT),
            make: Box::new(move || {
                let before = table(rows(size));
                let after = Table {
                    title: RETITLED,
                    ..before.clone()
                };
                table_case(before, After::Same(Box::new(after)))
            }),
        });
        for change in CHANGES {
            // One row of very many is where cost that follows the page, and not the change, shows first.
            let strict = size == 10_000 && change.name == "one-row";
            cases.push(Named {
                name: format!("table-{size}-{}", change.name),
                bar: if strict { Some(case::TEXT) } else { change.bar },
                make: Box::new(move || {
                    let before = table(rows(size));
                    let mut after = before.clone();
                    (change.make)(&mut after.rows);
                    table_case(before, After::Same(Box::new(after)))
                }),
            });
        }
    }
    cases
}

fn shared(what: &str, change: &str, size: usize, make: fn(usize) -> Outcome<Case>) -> Named {
    let bar = match (what, change) {
        // Rows that are shared one by one are still looked at one by one.
        ("rows", _) => None,
        // A chunk of a hundred rows is most of a small table: the bar is for large ones.
        ("chunks", "one-row") if size < 10_000 => None,
        _ => Some(case::SHARED),
    };
    Named {
        name: format!("shared-{what}-{size}-{change}"),
        bar,
        make: Box::new(move || make(size)),
    }
}

/// All rows in one `Shared`, untouched while the title changes.
fn shared_list_title(size: usize) -> Outcome<Case> {
    let before = table(Shared::new(rows(size)));
    let after = Table {
        title: RETITLED,
        ..before.clone()
    };
    table_case(before, After::Same(Box::new(after)))
}

/// Rows in shared chunks, untouched while the title changes.
fn shared_chunks_title(size: usize) -> Outcome<Case> {
    let before = chunked(size);
    let after = Chunked {
        title: RETITLED,
        ..before.clone()
    };
    chunked_case(before, After::Same(Box::new(after)))
}

/// Rows in shared chunks, one of which changes.
fn shared_chunks_one_row(size: usize) -> Outcome<Case> {
    let before = chunked(size);
    let last = before.clone();
    let after = After::Anew(Box::new(move || {
        let mut after = last.clone();
        let middle = after.chunks.len() / 2;
        rename(&mut after.chunks[middle].make_mut()[CHUNK / 2]);
        Box::new(after)
    }));
    chunked_case(before, after)
}

/// Each row in a `Shared` of its own, untouched while the title changes.
fn shared_rows_title(size: usize) -> Outcome<Case> {
    let before = table(shared_rows(size));
    let after = Table {
        title: RETITLED,
        ..before.clone()
    };
    table_case(before, After::Same(Box::new(after)))
}

/// Each row in a `Shared` of its own, one of which changes.
fn shared_rows_one_row(size: usize) -> Outcome<Case> {
    let before = table(shared_rows(size));
    let last = before.clone();
    let after = After::Anew(Box::new(move || {
        let mut after = last.clone();
        let middle = after.rows.len() / 2;
        rename(after.rows[middle].make_mut());
        Box::new(after)
    }));
    table_case(before, after)
}

fn table_case<R: Serialize + 'static>(before: Table<R>, after: After) -> Outcome<Case> {
    Ok(Case {
        page: Page::new("table.html", TABLE)?,
        before: Box::new(before),
        after,
    })
}

fn chunked_case(before: Chunked, after: After) -> Outcome<Case> {
    Ok(Case {
        page: Page::new("chunks.html", CHUNKS)?,
        before: Box::new(before),
        after,
    })
}

const TITLE: &str = "All rows";
const RETITLED: &str = "All the rows & more";

fn table<R>(rows: R) -> Table<R> {
    Table { title: TITLE, rows }
}

fn chunked(size: usize) -> Chunked {
    let rows = rows(size);
    Chunked {
        title: TITLE,
        chunks: rows
            .chunks(CHUNK)
            .map(|chunk| Shared::new(chunk.to_vec()))
            .collect(),
    }
}

fn shared_rows(size: usize) -> Vec<Shared<Row>> {
    rows(size).into_iter().map(Shared::new).collect()
}

fn rows(size: usize) -> Vec<Row> {
    (0..size).map(row).collect()
}

fn row(at: usize) -> Row {
    const ADJECTIVES: [&str; 7] = ["pretty", "large", "small", "tall", "odd", "quiet", "fancy"];
    const COLOURS: [&str; 5] = ["red", "yellow", "blue", "green", "brown"];
    const NOUNS: [&str; 11] = [
        "table", "chair", "house", "bird", "desk", "car", "pony", "cookie", "burger", "pizza", "mouse",
    ];
    Row {
        id: at as u64 + 1,
        label: format!(
            "{} {} {}",
            ADJECTIVES[at % ADJECTIVES.len()],
            COLOURS[at % COLOURS.len()],
            NOUNS[at % NOUNS.len()]
        ),
        selected: at % 17 == 3,
    }
}

fn rename(row: &mut Row) {
    row.label.push_str(" !!!");
}

#[cfg(test)]
mod tests {
    use statetemplate_core::PathStep;

    use super::*;

    #[test]
    fn changed_shared_data_is_new_for_each_run() {
        let rows = [PathStep::from("rows"), PathStep::from(50)];
        let chunks = [PathStep::from("chunks"), PathStep::from(1), PathStep::from(50)];
        for (case, path) in [
            (shared_rows_one_row(100).unwrap(), &rows[..]),
            (shared_chunks_one_row(200).unwrap(), &chunks[..]),
        ] {
            let old = case.before.first().unwrap();
            let changed = || {
                let new = case.after.with(|data| data.next(&old)).unwrap();
                new.get(path).unwrap()
            };
            let (one, two) = (changed(), changed());
            assert!(!one.is_same(&old.get(path).unwrap()), "the row has changed");
            // Data that remembered being serialised would make the second update cheaper than a real one.
            assert!(!one.is_same(&two), "the row was walked each time");
        }
    }

    #[test]
    fn ids_stay_unique() {
        for change in CHANGES {
            let mut rows = rows(100);
            (change.make)(&mut rows);
            let ids: std::collections::BTreeSet<u64> = rows.iter().map(|row| row.id).collect();
            assert_eq!(ids.len(), rows.len(), "{}", change.name);
        }
    }
}
