-- How far people have read.
-- A row of `receipts` is one user's newest receipt in one room, of one kind (`m.read`, `m.read.private`), for one
-- thread ('' for receipts without one, 'main', or the event the thread began with). `event_position` is that of the
-- event it names, so that a receipt never moves back; `position` is its own on the stream of events.

CREATE TABLE receipts (
    room_nid BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    thread TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_position BIGINT NOT NULL,
    ts BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (room_nid, user_id, kind, thread)
);
CREATE INDEX receipts_by_position ON receipts (position);
