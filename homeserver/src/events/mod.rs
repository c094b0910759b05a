//! Persistent data units: canonical JSON, hashes, signatures, ids, redaction and the shape clients see.
