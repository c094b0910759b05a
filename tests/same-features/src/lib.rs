//! Empty. Cargo builds a crate once per choice of features, and what it chooses depends on what is built along: a bridge
//! that is built alone would have half the dependencies built again. The test kit depends on this crate, so whoever
//! builds with the kit makes the same choice as the whole workspace. `cargo xtask test` says when a line is missing.
