//! What is remembered, one file per table. Only SQL and row types live here.
