//! Rooms: how they are created, appended to, authorised and read.
