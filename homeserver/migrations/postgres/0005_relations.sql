-- What events say of other events.
-- A row of `relations` is one event (`child`, its position) that names another of its room in `m.relates_to`: a
-- reaction, an edit, a reply in a thread ... `type` and `sender` are those of the child. The event it names need not
-- be known here. A child that is redacted loses its row.

CREATE TABLE relations (
    child BIGINT NOT NULL PRIMARY KEY,
    room_nid BIGINT NOT NULL,
    parent_id TEXT NOT NULL,
    rel_type TEXT NOT NULL,
    type TEXT NOT NULL,
    sender TEXT NOT NULL,
    annotation_key TEXT
);
CREATE INDEX relations_by_parent ON relations (parent_id, rel_type, child);
CREATE INDEX relations_by_room ON relations (room_nid, rel_type, parent_id, child);

-- Events of before. What this program would not take in now is left out: an edit that says nothing new, and texts
-- that this database cannot hold, which it would not even look into.
WITH candidates AS MATERIALIZED (
    SELECT position, room_nid, type, sender, json
    FROM events
    WHERE state_key IS NULL
      AND redacted_by IS NULL
      AND strpos(json, '"m.relates_to"') > 0
      AND strpos(json, '\u0000') = 0
),
contents AS MATERIALIZED (
    SELECT position, room_nid, type, sender,
        json::json #> '{content,m.relates_to,event_id}' AS parent,
        json::json #> '{content,m.relates_to,rel_type}' AS rel,
        json::json #> '{content,m.relates_to,key}' AS annotation,
        json::json #> '{content,m.new_content}' AS new_content,
        json::json #>> '{content,m.relates_to,event_id}' AS parent_id,
        json::json #>> '{content,m.relates_to,rel_type}' AS rel_type,
        json::json #>> '{content,m.relates_to,key}' AS annotation_key
    FROM candidates
)
INSERT INTO relations (child, room_nid, parent_id, rel_type, type, sender, annotation_key)
SELECT position, room_nid, parent_id, rel_type, type, sender,
    CASE WHEN rel_type = 'm.annotation' AND json_typeof(annotation) = 'string' THEN annotation_key END
FROM contents
WHERE json_typeof(parent) = 'string'
  AND json_typeof(rel) = 'string'
  AND substr(parent_id, 1, 1) = '$'
  AND length(parent_id) <= 255
  AND length(rel_type) <= 255
  AND (rel_type <> 'm.replace' OR type = 'm.room.encrypted' OR json_typeof(new_content) = 'object');
