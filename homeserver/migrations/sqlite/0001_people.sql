-- People and the programs that act for them.
-- A row of `users` is one local account, of a person or of an appservice's ghost; it stays after deactivation,
-- so that a name is never given twice. A row of `devices` is one login of an account, of `access_tokens` one
-- token of a device, kept only as its SHA-256. `profile_spreads` names accounts whose profile change has not yet
-- reached every room. `account_data` is what clients store for themselves (room_id is '' for the whole account);
-- its position is one of the event stream, so that one number says how far a client has read.
-- `appservices` has a row for each appservice ever seen, `registration` (sealed) only for those added at run time.
-- A row of `as_outbox` is one thing an appservice is owed, written in the transaction of the thing itself; a row of
-- `as_transactions` is the one transaction in flight, its body frozen before the first attempt.
-- `server_facts` holds what may never change once it was used, one fact per row.

CREATE TABLE server_facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    user_id TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT,
    admin BOOLEAN NOT NULL,
    appservice TEXT,
    displayname TEXT,
    avatar_url TEXT,
    created_at BIGINT NOT NULL,
    deactivated_at BIGINT
);

CREATE TABLE profile_spreads (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (user_id),
    version BIGINT NOT NULL
);

CREATE TABLE devices (
    user_id TEXT NOT NULL REFERENCES users (user_id),
    device_id TEXT NOT NULL,
    display_name TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, device_id)
);

CREATE TABLE access_tokens (
    token_hash BLOB NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, device_id) ON DELETE CASCADE
);
CREATE INDEX access_tokens_by_device ON access_tokens (user_id, device_id);

CREATE TABLE filters (
    user_id TEXT NOT NULL REFERENCES users (user_id),
    filter_id TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (user_id, filter_id)
);

CREATE TABLE account_data (
    user_id TEXT NOT NULL REFERENCES users (user_id),
    room_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_id, kind)
);
CREATE INDEX account_data_by_position ON account_data (user_id, position);

CREATE TABLE registration_tokens (
    token_hash BLOB NOT NULL PRIMARY KEY,
    uses_allowed BIGINT,
    uses_made BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE appservices (
    id TEXT NOT NULL PRIMARY KEY,
    registration BLOB,
    created_at BIGINT NOT NULL
);

CREATE TABLE as_outbox (
    appservice TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    reference BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    PRIMARY KEY (appservice, seq)
);

CREATE TABLE as_transactions (
    appservice TEXT NOT NULL PRIMARY KEY,
    txn_id TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    body BLOB NOT NULL,
    created_at BIGINT NOT NULL
);
