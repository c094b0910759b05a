//! Push rules: what each person wants to be told of.

pub(crate) mod rules;
