-- The journal: the durable queue of both directions, and what is remembered of what went through.
--
-- A journal_row is one accepted event: something a Matrix person did (`from_matrix`) or something
-- a network reported (`to_matrix`). It is written before the event is acknowledged and ends in
-- exactly one outcome. `seq` is acceptance order over all lanes.
--
-- A journal_step is one send of a row's plan, executed as stored. Its number is
-- `target * 10000 + place`, so that the steps of one target stand together.
--
-- A message is a pair that was bridged: one Matrix event, one remote message (or part of one).

CREATE TABLE journal_row (
    seq         BIGINT NOT NULL PRIMARY KEY,
    direction   TEXT   NOT NULL,
    lane        TEXT   NOT NULL,
    event_key   TEXT,
    network     TEXT,
    portal_id   BIGINT,
    login_id    TEXT,
    room_id     TEXT,
    event_id    TEXT,
    sender      TEXT,
    remote_id   TEXT,
    kind        TEXT   NOT NULL,
    payload     TEXT,
    version     BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    waits_for   TEXT,
    next_at     BIGINT,
    attempts    BIGINT NOT NULL,
    outcome     TEXT,
    reason      TEXT,
    accepted_at BIGINT NOT NULL,
    settled_at  BIGINT
);
CREATE UNIQUE INDEX journal_row_event_key ON journal_row (event_key);
CREATE INDEX journal_row_open ON journal_row (lane, seq) WHERE state <> 'settled';
CREATE INDEX journal_row_parked ON journal_row (waits_for) WHERE state = 'parked';
CREATE INDEX journal_row_event ON journal_row (event_id) WHERE state <> 'settled';
CREATE INDEX journal_row_settled ON journal_row (settled_at) WHERE state = 'settled';

CREATE TABLE journal_step (
    row_seq       BIGINT NOT NULL,
    step          BIGINT NOT NULL,
    portal_id     BIGINT,
    network       TEXT,
    login_id      TEXT,
    room_id       TEXT,
    operation     TEXT   NOT NULL,
    payload       TEXT,
    lost_answer   TEXT   NOT NULL,
    send_key      TEXT   NOT NULL,
    state         TEXT   NOT NULL,
    attempts      BIGINT NOT NULL,
    first_sent_at BIGINT,
    next_at       BIGINT,
    deadline      BIGINT,
    remote_id     TEXT,
    remote_ts     BIGINT,
    part          BIGINT NOT NULL,
    event_id      TEXT,
    reason        TEXT,
    PRIMARY KEY (row_seq, step)
);
CREATE UNIQUE INDEX journal_step_send_key ON journal_step (send_key);
CREATE INDEX journal_step_open ON journal_step (portal_id, login_id)
    WHERE state IN ('queued', 'sending', 'awaiting', 'retry', 'lost', 'unplanned');

-- A further login that heard the same event.
CREATE TABLE journal_witness (
    row_seq  BIGINT NOT NULL,
    login_id TEXT   NOT NULL,
    PRIMARY KEY (row_seq, login_id)
);

-- How far a login has read one of its network's streams. Never moves back.
CREATE TABLE journal_cursor (
    network   TEXT   NOT NULL,
    login_id  TEXT   NOT NULL,
    stream    TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    place     BIGINT NOT NULL,
    PRIMARY KEY (network, login_id, stream)
);

-- What send keys are made from, drawn once: keys of two databases never meet in one room.
CREATE TABLE journal_instance (
    id     BIGINT NOT NULL PRIMARY KEY,
    secret TEXT   NOT NULL
);

-- Transactions the homeserver has sent: a hint for logs; events are known by their own ids.
CREATE TABLE as_transaction (
    txn_id      TEXT   NOT NULL PRIMARY KEY,
    accepted_at BIGINT NOT NULL
);

CREATE TABLE message (
    portal_id     BIGINT NOT NULL,
    remote_id     TEXT   NOT NULL,
    part          BIGINT NOT NULL,
    room_id       TEXT   NOT NULL,
    event_id      TEXT   NOT NULL,
    network       TEXT   NOT NULL,
    sender_mxid   TEXT,
    remote_sender TEXT,
    ts            BIGINT,
    row_seq       BIGINT NOT NULL,
    PRIMARY KEY (portal_id, remote_id, part, room_id)
);
CREATE INDEX message_event ON message (event_id);
