//! Why a part of a page is rendered as a whole, and what its author can do about it.

use std::borrow::Cow;

/// Why a region is opaque: rendered before and after a change, and replaced when its HTML differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Opaque {
    /// An expression that may print HTML.
    MayPrintHtml,
    /// An `autoescape` block whose argument is known only by running it.
    AutoEscape,
    FilterBlock,
    /// A `call` block, or a `do` statement.
    Statement,
    /// An include whose template can't be written out in place.
    Include,
    /// A comment with something dynamic in it.
    Comment,
    /// A branch or row that opens or closes what is outside of it; in words.
    Unbalanced(String),
    /// The HTML parser takes elements out of where they are written.
    Moved,
    RecursiveLoop,
    /// A loop with `break` or `continue`.
    Jump,
    /// A loop that changes a namespace.
    Namespace,
    /// Something that was declared impure decides what there is.
    Impure,
    /// A loop whose `loop` is used otherwise than by its attributes.
    LoopValue,
    /// A loop with macros that see what an earlier row has set.
    RowsRemember,
}

impl Opaque {
    /// The reason, in words that follow "because".
    pub(super) fn reason(&self) -> Cow<'static, str> {
        match self {
            Opaque::MayPrintHtml => "the expression may print HTML".into(),
            Opaque::AutoEscape => "what its autoescape block does is known only by running it".into(),
            Opaque::FilterBlock => "a filter block prints what its filter makes of its content".into(),
            Opaque::Statement => "a call or do statement prints what it likes".into(),
            Opaque::Include => "the included template is known only by running the page".into(),
            Opaque::Comment => "a comment has something dynamic in it".into(),
            Opaque::Unbalanced(why) => format!("a branch or row in it is not balanced HTML: {why}").into(),
            Opaque::Moved => "the HTML parser moves what is inside".into(),
            Opaque::RecursiveLoop => "a recursive loop".into(),
            Opaque::Jump => "a loop with break or continue".into(),
            Opaque::Namespace => "a loop changes a namespace, which each row may read".into(),
            Opaque::Impure => "what it shows is decided by something that was declared impure".into(),
            Opaque::LoopValue => "a loop whose `loop` is used otherwise than by its attributes".into(),
            Opaque::RowsRemember => "a macro in a loop sees what an earlier row has set".into(),
        }
    }

    /// What would make it fine-grained.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Opaque::MayPrintHtml => {
                "print text, or keep the element in the template and only its text and attributes in the data"
            }
            Opaque::AutoEscape => "give autoescape a constant",
            Opaque::FilterBlock => "apply the filter to the expressions inside",
            Opaque::Statement => "write the HTML out, or set the names with {% set %}",
            Opaque::Include => {
                "name the template with a constant, of the same kind of escaping and without blocks of its own"
            }
            Opaque::Comment => "leave the comment out, or make it a template comment {# … #}",
            Opaque::Unbalanced(_) => "close each element in the branch or row that opens it",
            Opaque::Moved => {
                "write the HTML as browsers build it: <tbody> in tables, no block elements in <p>, end tags"
            }
            Opaque::RecursiveLoop => "loop over a flat list, or nest as many loops as there are levels",
            Opaque::Jump => "filter the list: {% for x in xs if … %}",
            Opaque::Namespace => {
                "compute with filters ({{ xs|sum(attribute='n') }}, {{ xs|selectattr('on')|length }}), or in the data"
            }
            Opaque::Impure => "decide by the data, and print the impure value as text",
            Opaque::RowsRemember => {
                "give the macro what it reads as an argument, or define it outside of the loop"
            }
            Opaque::LoopValue => "use loop.index, loop.first and the like; compare with loop.previtem",
        }
    }
}
