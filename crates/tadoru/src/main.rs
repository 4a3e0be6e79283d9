//! tadoru
fn main() {}
