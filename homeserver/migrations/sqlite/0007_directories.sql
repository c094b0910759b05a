-- What people look for: rooms of the directory, people, events, and what was reported.
-- `rooms.is_open` says that anybody may join a room or read in it, so that its members may be found by everybody.
-- A row of `appservice_rooms` is one room in the list that an application service keeps of one of its networks.
-- A row of `event_search` is what one event says in words (a message, a room's name or topic), under the event they are
-- shown with: an edit's words belong to its target, whose newest row counts. The index over the
-- words is a full-text table that triggers keep in step.
-- A row of `reports` is one complaint, kept as it was made: about a user, a room, or an event of a room.

ALTER TABLE rooms ADD COLUMN is_open BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE rooms
SET is_open = TRUE
WHERE room_nid IN (
    SELECT s.room_nid
    FROM current_state s
    JOIN events e ON e.position = s.position
    WHERE s.state_key = ''
      AND (s.type = 'm.room.join_rules' AND json_extract(e.json, '$.content.join_rule') = 'public'
        OR s.type = 'm.room.history_visibility' AND json_extract(e.json, '$.content.history_visibility') = 'world_readable')
);
CREATE INDEX rooms_published ON rooms (published, joined_count);

CREATE TABLE appservice_rooms (
    appservice TEXT NOT NULL,
    network TEXT NOT NULL,
    room_nid BIGINT NOT NULL,
    PRIMARY KEY (appservice, network, room_nid)
);

CREATE INDEX events_by_time ON events (room_nid, origin_server_ts);

CREATE TABLE reports (
    report_id INTEGER NOT NULL PRIMARY KEY,
    reporter TEXT NOT NULL,
    user_id TEXT,
    room_id TEXT,
    event_id TEXT,
    reason TEXT,
    created_ms BIGINT NOT NULL
);

CREATE TABLE event_search (
    position INTEGER NOT NULL PRIMARY KEY,
    target BIGINT NOT NULL,
    room_nid BIGINT NOT NULL,
    key TEXT NOT NULL,
    words TEXT NOT NULL
);
CREATE INDEX event_search_by_target ON event_search (target, position);
CREATE VIRTUAL TABLE event_search_index USING fts5(
    words,
    content = 'event_search',
    content_rowid = 'position',
    tokenize = 'unicode61 remove_diacritics 0'
);
CREATE TRIGGER event_search_added AFTER INSERT ON event_search BEGIN
    INSERT INTO event_search_index (rowid, words) VALUES (new.position, new.words);
END;
CREATE TRIGGER event_search_removed AFTER DELETE ON event_search BEGIN
    INSERT INTO event_search_index (event_search_index, rowid, words)
    VALUES ('delete', old.position, old.words);
END;

INSERT INTO event_search (position, target, room_nid, key, words)
SELECT e.position, COALESCE(t.position, e.position), e.room_nid, w.key, w.words
FROM (
    SELECT position,
        CASE type
            WHEN 'm.room.message' THEN 'content.body'
            WHEN 'm.room.name' THEN 'content.name'
            ELSE 'content.topic'
        END AS key,
        CASE type
            WHEN 'm.room.message' THEN COALESCE(
                json_extract(json, '$.content."m.new_content".body'),
                json_extract(json, '$.content.body')
            )
            WHEN 'm.room.name' THEN json_extract(json, '$.content.name')
            ELSE json_extract(json, '$.content.topic')
        END AS words,
        CASE json_extract(json, '$.content."m.relates_to".rel_type')
            WHEN 'm.replace' THEN json_extract(json, '$.content."m.relates_to".event_id')
        END AS edited
    FROM events
    WHERE type IN ('m.room.message', 'm.room.name', 'm.room.topic')
      AND redacted_by IS NULL
) w
JOIN events e ON e.position = w.position
LEFT JOIN events t ON t.event_id = w.edited
    AND t.room_nid = e.room_nid
    AND t.sender = e.sender
    AND t.type = e.type
WHERE typeof(w.words) = 'text'
  AND (e.type = 'm.room.message' OR e.state_key = '')
  AND (t.position IS NULL OR t.redacted_by IS NULL);
