-- What somebody who asks after a message has to be told: when it passed which station, and what did
-- not go straight.

ALTER TABLE journal_row ADD COLUMN planned_at BIGINT;
ALTER TABLE journal_row ADD COLUMN parked_at BIGINT;
ALTER TABLE journal_row ADD COLUMN resumed_at BIGINT;
ALTER TABLE journal_row ADD COLUMN again_of BIGINT; -- the row whose event this one carries again
ALTER TABLE journal_row ADD COLUMN again_as BIGINT; -- the row that carries this one's event again
ALTER TABLE journal_step ADD COLUMN last_sent_at BIGINT;
ALTER TABLE journal_step ADD COLUMN answered_at BIGINT; -- when its state last changed by an answer

-- A row is one thing that did not go straight: an attempt in vain, or what a person did about it.
CREATE TABLE journal_note (
    row_seq BIGINT NOT NULL,
    number  BIGINT NOT NULL,
    step    BIGINT, -- the step it concerns, if one
    at      BIGINT NOT NULL,
    what    TEXT   NOT NULL,
    words   TEXT   NOT NULL,
    PRIMARY KEY (row_seq, number)
);

-- A message is asked after when it is settled, too.
DROP INDEX journal_row_event;
CREATE INDEX journal_row_event ON journal_row (event_id);

-- What ended badly.
CREATE INDEX journal_row_trouble ON journal_row (seq)
    WHERE state = 'settled' AND outcome IN ('failed', 'unknown', 'expired');
