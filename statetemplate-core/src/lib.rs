//! The heart of StateTemplate: data in, updates out.
