-- What wants somebody's attention, and how long a session lives.
-- A row of `notifications` is one event one person is to be told of, by his own rules at the time it came; `thread` is
-- 'main' or the event the thread began with. A row of `unread` counts the unread ones of one person in one thread of
-- one room; its position is that of its last change on the stream of events, so that one number says how far a client
-- has heard. A row of `refresh_tokens` lets a device have another access token. Tokens of one device have a
-- generation: the first use of one ends those of the generations before it.

CREATE TABLE notifications (
    position BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    room_nid BIGINT NOT NULL,
    thread TEXT NOT NULL,
    highlight BOOLEAN NOT NULL,
    actions TEXT NOT NULL,
    ts BIGINT NOT NULL,
    seen BOOLEAN NOT NULL,
    PRIMARY KEY (position, user_id)
);
CREATE INDEX notifications_by_user ON notifications (user_id, position);
CREATE INDEX notifications_unseen ON notifications (user_id, room_nid, thread, position) WHERE NOT seen;

CREATE TABLE unread (
    user_id TEXT NOT NULL,
    room_nid BIGINT NOT NULL,
    thread TEXT NOT NULL,
    notifications BIGINT NOT NULL,
    highlights BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (user_id, room_nid, thread)
);
CREATE INDEX unread_by_position ON unread (user_id, position);

ALTER TABLE devices ADD COLUMN last_seen_at BIGINT;
ALTER TABLE access_tokens ADD COLUMN expires_at BIGINT;
ALTER TABLE access_tokens ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

CREATE TABLE refresh_tokens (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, device_id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (user_id, device_id);
