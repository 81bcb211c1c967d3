//! Stand-in for the snapshot.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, ErrorKind};

/// Stand-in.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<serde_json::Value>);

impl Snapshot {
    /// Stand-in.
    pub fn of<T: Serialize + ?Sized>(data: &T) -> Result<Self, Error> {
        let value = serde_json::to_value(data)
            .map_err(|e| Error::new(ErrorKind::Data, "cannot serialise").with_source(e))?;
        Ok(Self(Arc::new(value)))
    }

    /// Stand-in.
    pub fn next<T: Serialize + ?Sized>(&self, data: &T) -> Result<Self, Error> {
        let next = Self::of(data)?;
        Ok(if next.0 == self.0 { self.clone() } else { next })
    }

    /// Stand-in.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(&*self.0).map_err(|e| Error::new(ErrorKind::Data, "cannot read").with_source(e))
    }

    /// Stand-in.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Stand-in.
    #[must_use]
    pub fn value(&self) -> minijinja::Value {
        json(&self.0)
    }

    /// Stand-in.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }

    /// Stand-in.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let value = serde_json::from_slice(bytes)
            .map_err(|e| Error::new(ErrorKind::Data, "not a snapshot").with_source(e))?;
        Ok(Self(Arc::new(value)))
    }
}

fn json(value: &serde_json::Value) -> minijinja::Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => minijinja::Value::from(()),
        Json::Bool(b) => (*b).into(),
        Json::Number(n) => n
            .as_i64()
            .map_or_else(|| n.as_f64().unwrap_or(0.0).into(), Into::into),
        Json::String(s) => s.as_str().into(),
        Json::Array(items) => items.iter().map(json).collect(),
        Json::Object(map) => {
            let map: std::collections::BTreeMap<_, _> =
                map.iter().map(|(k, v)| (k.clone(), json(v))).collect();
            map.into()
        }
    }
}
