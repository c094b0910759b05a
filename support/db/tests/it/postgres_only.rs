//! What only a server can do to us.
