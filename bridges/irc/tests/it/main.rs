//! What the crate shows to the outside: its conversions, told as tables and fuzzed.

mod formatting;
mod fuzz;
