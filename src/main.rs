//! The `loadtest` program: reads its arguments and hands over to `commands`.
fn main() {}
