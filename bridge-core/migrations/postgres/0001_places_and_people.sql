-- Places and people: what the bridge knows about networks, logins, chats, rooms and ghosts.
-- Every key starts with the network's instance id, directly or through the portal it belongs to.

-- A row is one configured network, as it was first seen. The kind never changes.
CREATE TABLE network_instance (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    last_login BIGINT NOT NULL DEFAULT 0, -- the number of the newest login; never given out again
    created_at BIGINT NOT NULL
);

-- A row is one Matrix person who has a direct room with the bot.
CREATE TABLE management_room (
    mxid TEXT NOT NULL,
    room_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, mxid)
);
CREATE INDEX management_room_mxid ON management_room (mxid, created_at);

-- A row is one remote account of one Matrix person.
CREATE TABLE login (
    id TEXT NOT NULL PRIMARY KEY, -- <network>-<number>
    network TEXT NOT NULL,
    number BIGINT NOT NULL,
    owner TEXT NOT NULL, -- Matrix id
    remote_id TEXT NOT NULL,
    name TEXT NOT NULL,
    metadata TEXT NOT NULL, -- JSON, the bridge's own, not secret
    sealed BYTEA, -- credentials: version, nonce, ciphertext
    told TEXT, -- the state its owner was last told
    last_connected BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (network, number),
    UNIQUE (network, owner, remote_id)
);
CREATE INDEX login_owner ON login (owner);

-- A row is one remote chat that is mirrored, as one login sees it where the view is private.
CREATE TABLE portal (
    id BIGINT NOT NULL PRIMARY KEY,
    network TEXT NOT NULL,
    chat TEXT NOT NULL,
    receiver TEXT NOT NULL DEFAULT '', -- a login's id, or empty
    kind TEXT NOT NULL, -- direct, group, space
    parent_id BIGINT REFERENCES portal (id),
    name TEXT,
    topic TEXT,
    listener TEXT, -- the login whose copies count where the network gives no shared ids
    relay TEXT, -- the login that speaks for people without one
    created_at BIGINT NOT NULL,
    UNIQUE (network, chat, receiver)
);

-- A row is one link between a portal and a room; each may have several.
CREATE TABLE portal_room (
    portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
    room_id TEXT NOT NULL,
    own BOOLEAN NOT NULL, -- made for this portal, not plumbed
    ready BOOLEAN NOT NULL, -- everything that belongs to making it is done
    created_at BIGINT NOT NULL,
    PRIMARY KEY (portal_id, room_id)
);
CREATE INDEX portal_room_room ON portal_room (room_id);

-- A row is one login's part in a portal.
CREATE TABLE portal_login (
    portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
    login_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (portal_id, login_id)
);
CREATE INDEX portal_login_login ON portal_login (login_id);

-- A row is one remote person with an account on Matrix.
CREATE TABLE ghost (
    network TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    mxid TEXT NOT NULL UNIQUE,
    registered BOOLEAN NOT NULL,
    name TEXT, -- the display name as it was last written
    PRIMARY KEY (network, remote_id)
);

-- A row is one ghost's presence in a room, as far as the bridge knows: a hint that saves a request.
CREATE TABLE ghost_room (
    room_id TEXT NOT NULL,
    mxid TEXT NOT NULL,
    PRIMARY KEY (room_id, mxid)
);
CREATE INDEX ghost_room_mxid ON ghost_room (mxid);
