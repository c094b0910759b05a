//! Rooms: what people say, see and may do in them.

mod basics;
