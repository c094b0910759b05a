-- More kinds: what they need to be remembered, what is switched off, and ids that have changed.

ALTER TABLE portal ADD COLUMN avatar TEXT; -- what the network calls the picture its rooms show
ALTER TABLE portal ADD COLUMN disappearing TEXT; -- JSON: for how long its messages stay
ALTER TABLE portal ADD COLUMN merged_into BIGINT; -- the portal that was found to be the same chat

-- A row is one id a chat had before.
CREATE TABLE portal_alias (
    network   TEXT   NOT NULL,
    chat      TEXT   NOT NULL,
    receiver  TEXT   NOT NULL DEFAULT '', -- a login's id, or empty
    portal_id BIGINT NOT NULL,
    PRIMARY KEY (network, chat, receiver)
);

-- A row is one id a remote person has since the account on Matrix was made under another.
CREATE TABLE ghost_alias (
    network   TEXT   NOT NULL,
    remote_id TEXT   NOT NULL,
    mxid      TEXT   NOT NULL,
    since     BIGINT NOT NULL, -- the highest is the one that counts now
    PRIMARY KEY (network, remote_id)
);

-- A row is one person whom a message from Matrix has reached.
CREATE TABLE delivered (
    portal_id BIGINT NOT NULL,
    remote_id TEXT   NOT NULL,
    room_id   TEXT   NOT NULL,
    mxid      TEXT   NOT NULL,
    PRIMARY KEY (portal_id, remote_id, room_id, mxid)
);

-- A row is one kind that a room carries, or does not, whatever its network's configuration says.
CREATE TABLE room_kind (
    room_id TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    carried BOOLEAN NOT NULL,
    PRIMARY KEY (room_id, kind)
);
