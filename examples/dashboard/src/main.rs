//! The live dashboard.
fn main() {}
