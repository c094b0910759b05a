-- Rooms and what was said in them. Numbers: a stream position is given out by the writer, grows with every
-- event and never repeats; it is an event's key here. A room's number is the position of its create event, a
-- state group's number the position of the state event that made it.

-- A row of rooms is one room this server takes part in. The two counts follow memberships, so that /sync
-- never counts members.
CREATE TABLE rooms (
    room_nid INTEGER NOT NULL PRIMARY KEY,
    room_id TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    creator TEXT NOT NULL,
    published BOOLEAN NOT NULL,
    joined_count BIGINT NOT NULL,
    invited_count BIGINT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- A row of events is one event as this server signed it; json is stripped once it is redacted. state_group is
-- the room's state after it, replaces the state event it took the place of. txn_key is the hash of who sent
-- it from where with which transaction id: the row itself remembers transaction ids for good.
CREATE TABLE events (
    position INTEGER NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    room_nid BIGINT NOT NULL,
    type TEXT NOT NULL,
    state_key TEXT,
    sender TEXT NOT NULL,
    depth BIGINT NOT NULL,
    origin_server_ts BIGINT NOT NULL,
    state_group BIGINT NOT NULL,
    replaces BIGINT,
    membership TEXT,
    redacted_by BIGINT,
    txn_id TEXT,
    txn_key BLOB,
    json TEXT NOT NULL
);
CREATE INDEX events_by_room ON events (room_nid, position);
CREATE INDEX events_by_state_key ON events (room_nid, type, state_key, position) WHERE state_key IS NOT NULL;
CREATE INDEX events_of_state ON events (room_nid, position) WHERE state_key IS NOT NULL;
CREATE UNIQUE INDEX events_by_txn ON events (txn_key) WHERE txn_key IS NOT NULL;

-- A row of current_state names the event that is in force for one type and state key of a room.
CREATE TABLE current_state (
    room_nid BIGINT NOT NULL,
    type TEXT NOT NULL,
    state_key TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (room_nid, type, state_key)
);

-- A row of state_groups is one state a room was ever in: the rows of the group before it, overlaid with its
-- own. hops counts the groups below it up to the nearest one that stands alone, size its entries in all.
CREATE TABLE state_groups (
    group_id INTEGER NOT NULL PRIMARY KEY,
    room_nid BIGINT NOT NULL,
    prev_group BIGINT,
    hops BIGINT NOT NULL,
    size BIGINT NOT NULL
);

-- A row of state_group_rows is one entry of a state group.
CREATE TABLE state_group_rows (
    group_id BIGINT NOT NULL,
    type TEXT NOT NULL,
    state_key TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (group_id, type, state_key)
);

-- A row of memberships says what one user is to one room now; position is that of the member event.
CREATE TABLE memberships (
    user_id TEXT NOT NULL,
    room_nid BIGINT NOT NULL,
    membership TEXT NOT NULL,
    position BIGINT NOT NULL,
    forgotten BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, room_nid)
);
CREATE INDEX memberships_by_room ON memberships (room_nid, membership, position);

-- A row of room_aliases is one name under which a room can be found here.
CREATE TABLE room_aliases (
    alias TEXT NOT NULL PRIMARY KEY,
    room_nid BIGINT NOT NULL,
    creator TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);
CREATE INDEX room_aliases_by_room ON room_aliases (room_nid);
