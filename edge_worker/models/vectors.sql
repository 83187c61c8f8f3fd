-- Vectors of texts, by model: SQLite. 1349015139 is this program's mark, and 1 the version of the rows.

-- name: create
-- One row for model and text, by a hash of both; the day on which it was last asked for.
CREATE TABLE vectors (key TEXT PRIMARY KEY, day INTEGER NOT NULL, vector BLOB NOT NULL)

-- name: set_mark
-- The file is a cache of vectors from here on.
PRAGMA application_id = 1349015139

-- name: set_version
-- Its rows are of this version.
PRAGMA user_version = 1

-- name: find
-- What is known of many texts, whose keys come as a JSON array.
SELECT key, day, vector FROM vectors WHERE key IN (SELECT value FROM json_each(?))

-- name: keep
-- Remember one vector.
INSERT OR REPLACE INTO vectors (key, day, vector) VALUES (?, ?, ?)

-- name: use
-- It was asked for on this day.
UPDATE vectors SET day = ? WHERE key = ?

-- name: count
-- How many are remembered.
SELECT count(*) FROM vectors

-- name: drop
-- Forget so many that nobody asked for longest, of one day those that were written first.
DELETE FROM vectors WHERE rowid IN (SELECT rowid FROM vectors ORDER BY day, rowid LIMIT ?)
