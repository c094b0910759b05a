//! Application services: who they are, what interests them, and the durable queue towards each of them.
