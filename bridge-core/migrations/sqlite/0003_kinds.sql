-- What more kinds of messages need to be remembered.

-- A pair whose message was taken back stays, so that news of it is not taken for something new.
ALTER TABLE message ADD COLUMN redacted BOOLEAN NOT NULL DEFAULT FALSE;

-- A row is one reaction that stands: the event that shows it in one room. News that it was set again
-- changes nothing; taking the event back, or news that it is gone, ends it.
CREATE TABLE reaction (
    portal_id     BIGINT NOT NULL,
    remote_id     TEXT   NOT NULL, -- the message it belongs to
    room_id       TEXT   NOT NULL,
    remote_sender TEXT   NOT NULL, -- the account that shows it on the network
    reaction_key  TEXT   NOT NULL,
    event_id      TEXT   NOT NULL,
    mxid          TEXT   NOT NULL, -- who shows it on Matrix
    row_seq       BIGINT NOT NULL,
    PRIMARY KEY (portal_id, remote_id, room_id, remote_sender, reaction_key)
);
CREATE INDEX reaction_event ON reaction (event_id);

-- A row is one file of Matrix that may be opened by a signed link: who posted it, and where.
CREATE TABLE media_link (
    id         TEXT   NOT NULL PRIMARY KEY,
    mxc        TEXT   NOT NULL,
    room_id    TEXT   NOT NULL,
    event_id   TEXT   NOT NULL,
    filename   TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked    BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX media_link_event ON media_link (event_id);

-- Redactions of ours are known again by what they take back.
CREATE INDEX journal_step_redact ON journal_step (remote_id) WHERE operation = 'redact';
