//! What a plan has to be told about its templates.

use std::collections::BTreeSet;

/// What [`Plan::compile_with`](crate::Plan::compile_with) can't see in the templates themselves.
///
/// ```
/// use statetemplate_core::PlanOptions;
///
/// let options = PlanOptions::new().impure("now").impure("random");
/// assert!(options.is_impure("now"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    impure: BTreeSet<String>,
    build: String,
    own_formatter: bool,
}

impl PlanOptions {
    /// No declarations: every function, filter and test gives the same for the same arguments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares that the function, filter or test `name` may give something else each time, as a clock or a random
    /// number does. May be called again for more.
    ///
    /// What depends on it is then sent at each change of the data, without being compared: what the page shows of it is
    /// known to nobody. That is more than a text only where it decides what there is: a branch by such a condition, a list of
    /// such items and an element with such attributes are sent as a whole. A change that leaves the data as it was
    /// still sends nothing. Each place that is sent calls the function for itself, so that two places can show
    /// different values, as after two calls.
    #[must_use]
    pub fn impure(mut self, name: impl Into<String>) -> Self {
        self.impure.insert(name.into());
        self
    }

    /// Names the build of the application: filters and functions are code, so that a page of another build is not patched
    /// but shown anew. It joins the plan's [`hash`](crate::Plan::hash). Default: nothing.
    #[must_use]
    pub fn build(mut self, id: impl Into<String>) -> Self {
        self.build = id.into();
        self
    }

    /// Declares that the environment's formatter, or a filter of it that has the name of a built-in one, changes some
    /// values in a way that only shows with certain texts or numbers, as one does that hides card numbers.
    ///
    /// Not needed otherwise: what changes all values of a kind, or asks for data beside the value, is noticed. With this,
    /// all values are computed by minijinja, which makes updates slower.
    #[must_use]
    pub fn own_formatter(mut self) -> Self {
        self.own_formatter = true;
        self
    }

    pub(super) fn has_own_formatter(&self) -> bool {
        self.own_formatter
    }

    /// Whether this function, filter or test was declared impure.
    #[must_use]
    pub fn is_impure(&self, name: &str) -> bool {
        self.impure.contains(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.impure.is_empty()
    }

    pub(super) fn build_id(&self) -> &str {
        &self.build
    }

    /// The declared names, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.impure.iter().map(String::as_str)
    }
}
