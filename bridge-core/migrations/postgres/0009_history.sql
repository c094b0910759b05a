-- What was said before the bridge heard of it.

-- A row is a stretch of a chat, in the network's own order, of which everything is on Matrix or on
-- its way there. What is heard now adds to the one that is `live`.
CREATE TABLE coverage (
    portal_id  BIGINT  NOT NULL,
    from_order BIGINT  NOT NULL,
    to_order   BIGINT  NOT NULL,
    live       BOOLEAN NOT NULL,
    PRIMARY KEY (portal_id, from_order)
);

-- A row is one chat whose past is being read: further back (`past`), or what was missed (`gap`).
CREATE TABLE history_task (
    portal_id  BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    login_id   TEXT   NOT NULL,
    row_seq    BIGINT NOT NULL, -- the row that tells of the gap
    place      TEXT,            -- where the next page ends; unknown before the first
    stop_at    BIGINT,          -- everything up to here is known
    not_before BIGINT,          -- what was said earlier is not wanted
    remaining  BIGINT NOT NULL, -- how many more messages are wanted
    carried    BIGINT NOT NULL,
    batches    BIGINT NOT NULL, -- how many pages were planned
    state      TEXT   NOT NULL, -- fetching, sending, done, failed
    reason     TEXT,
    attempts   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (portal_id, kind)
);

-- A row is one page as it was planned, until it is on Matrix.
CREATE TABLE history_batch (
    portal_id BIGINT NOT NULL,
    kind      TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    payload   TEXT   NOT NULL,
    sent      BIGINT NOT NULL, -- how many of its events are there, where they go one by one
    PRIMARY KEY (portal_id, kind, number)
);
