//! Stand-in for the wire.
