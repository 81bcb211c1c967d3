//! Stand-in for the template plan.

use minijinja::Environment;

use crate::{Error, Snapshot};

/// Stand-in.
#[derive(Debug)]
pub struct Plan {
    env: Environment<'static>,
    name: String,
}

impl Plan {
    /// Stand-in.
    pub fn compile(env: &Environment<'static>, template: &str) -> Result<Self, Error> {
        env.get_template(template)?;
        Ok(Self {
            env: env.clone(),
            name: template.to_owned(),
        })
    }

    /// Stand-in.
    #[must_use]
    pub fn hash(&self) -> &str {
        "hash"
    }

    /// Stand-in.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stand-in.
    pub fn render(&self, data: &Snapshot, head: &str) -> Result<String, Error> {
        let _ = head;
        Ok(self.env.get_template(&self.name)?.render(data.value())?)
    }
}
