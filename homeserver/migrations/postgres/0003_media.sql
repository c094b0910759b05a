-- Files that people uploaded.
-- A row of `media` is one mxc address of this server. Until its bytes have come `content_hash` is empty and
-- `expires_at` says how long they may still come (unix milliseconds). The bytes lie in the data folder under their
-- SHA-256 in hex, once however many rows point at them.

CREATE TABLE media (
    media_id TEXT NOT NULL PRIMARY KEY,
    uploader TEXT NOT NULL,
    content_hash TEXT,
    size BIGINT,
    content_type TEXT,
    filename TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX media_by_hash ON media (content_hash);
CREATE INDEX media_by_uploader ON media (uploader, expires_at);
