-- Files that are known on both sides, so that none is brought twice.

-- A row is one file of a network on its way to the homeserver, or there: it is written before the
-- bytes leave, so that a crash goes on under the same address.
CREATE TABLE media_file (
    network      TEXT   NOT NULL,
    file_key     TEXT   NOT NULL, -- what the network calls it, hashed
    mxc          TEXT   NOT NULL,
    uploader     TEXT   NOT NULL, -- who made the address: nobody else may fill it
    sha256       TEXT   NOT NULL, -- its name in the spool while it is announced
    content_type TEXT   NOT NULL,
    size_bytes   BIGINT NOT NULL,
    state        TEXT   NOT NULL, -- announced, stored
    expires_at   BIGINT,          -- until when an announced address may be filled
    used_at      BIGINT NOT NULL,
    PRIMARY KEY (network, file_key)
);
CREATE INDEX media_file_mxc ON media_file (mxc);
CREATE INDEX media_file_used ON media_file (used_at);

-- A row is one file of Matrix a network was given, and what the network calls it.
CREATE TABLE media_sent (
    network TEXT   NOT NULL,
    mxc     TEXT   NOT NULL,
    handle  TEXT   NOT NULL, -- read by the network's bridge alone
    used_at BIGINT NOT NULL,
    PRIMARY KEY (network, mxc)
);
CREATE INDEX media_sent_used ON media_sent (used_at);
