//! `/sync`: tokens, answers and the long poll.
