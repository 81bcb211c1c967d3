//! Why a walk stopped, and where.

use std::fmt;

use serde::ser;

use crate::snapshot::node::Node;
use crate::snapshot::paths::Trail;
use crate::{Error, ErrorKind};

/// Why the walk stopped and where; the trail grows while it unwinds. Boxed, to keep the results on the good way small.
///
/// `None` is no failure: the value turned out not to be what its model was, and is walked again along another.
#[derive(Debug)]
pub(super) struct Fault(Option<Box<(String, Trail)>>);

impl Fault {
    /// The walk goes along the wrong model; whoever chose the model hears of it.
    pub(super) const LOST: Fault = Fault(None);

    #[cold]
    pub(super) fn new(message: String) -> Fault {
        Fault(Some(Box::new((message, Trail::default()))))
    }

    #[cold]
    pub(super) fn at_key(self, key: &Node) -> Fault {
        self.with(|trail| trail.outer_key(key))
    }

    #[cold]
    pub(super) fn at_name(self, name: &str) -> Fault {
        self.with(|trail| trail.outer_name(name))
    }

    #[cold]
    pub(super) fn at_index(self, index: usize) -> Fault {
        self.with(|trail| trail.outer_index(index))
    }

    fn with(mut self, add: impl FnOnce(&mut Trail)) -> Fault {
        if let Some(fault) = &mut self.0 {
            add(&mut fault.1);
        }
        self
    }

    /// As the error that the application gets.
    #[cold]
    pub(super) fn explain(self) -> Error {
        let (message, trail) = self.0.map(|fault| *fault).unwrap_or_default();
        Error::new(
            ErrorKind::Data,
            format!("cannot take a snapshot of {trail}: {message}"),
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref().map_or("", |fault| &fault.0))
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault::new(message.to_string())
    }
}
