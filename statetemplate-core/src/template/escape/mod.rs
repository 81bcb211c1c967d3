//! Escaping by context: which filter a value needs for the place where it stands, and those filters.
//!
//! [`guard`] goes through a resolved template as a browser's parser will go through what it prints ([`context`]), and
//! puts a filter on each `{{ … }}` that stands where HTML escaping is not enough. Branches are followed apart, and a
//! place that more than one context leads to gets what is safe in all of them; so it does not matter whether the rest
//! of the compiler can follow the template's HTML, or replaces parts of it as a whole.
//!
//! Each kind of place has a file that says what is safe in it. All of them follow one rule: what an author may mean
//! stays as plain minijinja prints it, to the byte; only what would leave its place, or run, is changed.
//!
//! | place | what happens to a value | file |
//! | --- | --- | --- |
//! | text, `<title>`, `<textarea>`, a comment, a quoted attribute | minijinja's HTML escaping | |
//! | an unquoted attribute | everything that could end it becomes a reference | [`unquoted`] |
//! | an address (`href`, `src`, `action`, …) | as a whole it is `#st-blocked` when its scheme could run code | [`url`] |
//! | `srcset`; `ping`, `values`; `<meta content>` | the same for each address in it | [`srcset`], [`url`], [`refresh`] |
//! | `srcdoc` | escaped for the document, and again for the attribute; a word where the document has a script or style | [`strict`] |
//! | `<script>`, event handlers, `javascript:` addresses | JSON as a value, `\u003c` in strings, templates and regular expressions, harmless in comments | [`js`], [`comment`] |
//! | `<style>`, `style` | a balanced value or `st-blocked`; `\3c ` in strings; an address in `url()` | [`css`] |
//! | the name of an attribute or an element | one that means nothing special, or `st-blocked` | [`names`] |
//! | several of these, depending on the data | a word, or `st-blocked` | [`strict`] |
//!
//! `|safe` is the author's word that a value is right where it stands, in every context. `|tojson` is right as it is
//! wherever a value of JSON can stand; in a string its text is escaped as any other's.
//!
//! The contexts and the attacks that they stop are those of Go's `html/template`
//! (<https://pkg.go.dev/html/template>), which follows M. Samuel, P. Saxena and D. Song, "Context-sensitive
//! auto-sanitization in web templating languages using type qualifiers" (CCS 2011), and OWASP's cheat sheet on cross
//! site scripting (<https://cheatsheetseries.owasp.org/>); the rules here are written for this engine.
//!
//! What no escaping can do: an address that is data is loaded from wherever the data says, also where it is a script's
//! or a style sheet's; and an attribute of the client such as `st-click` names whatever action the data says, which the
//! server then authorises as any other action.

mod attribute;
mod comment;
mod context;
mod css;
mod guard;
mod js;
mod names;
mod refresh;
mod script;
mod source;
mod srcset;
mod strict;
#[cfg(test)]
mod tests;
mod unquoted;
mod url;
mod walk;

pub(crate) use guard::TextGuard;
pub(super) use guard::{NEVER_EMPTY, register, text_guard};
pub(super) use source::{guard_macros, guard_templates};
pub(super) use walk::guard;
