-- What was read of each contents: SQLite. 1349011811 is this program's mark, and 1 the version of the rows.

-- name: create
-- One row for contents and language, by a key of both; the day on which it was last asked for.
CREATE TABLE readings (key TEXT PRIMARY KEY, day INTEGER NOT NULL, row BLOB NOT NULL) WITHOUT ROWID

-- name: set_mark
-- The file is a cache from here on.
PRAGMA application_id = 1349011811

-- name: set_version
-- Its rows are of this version.
PRAGMA user_version = 1

-- name: find
-- What is known of many blobs, whose keys come as a JSON array.
SELECT key, day, row FROM readings WHERE key IN (SELECT value FROM json_each(?))

-- name: keep
-- Remember one blob.
INSERT OR REPLACE INTO readings (key, day, row) VALUES (?, ?, ?)

-- name: use
-- It was asked for on this day.
UPDATE readings SET day = ? WHERE key = ?

-- name: count
-- How many are remembered.
SELECT count(*) FROM readings

-- name: drop
-- Forget so many that nobody asked for longest.
DELETE FROM readings WHERE key IN (SELECT key FROM readings ORDER BY day, key LIMIT ?)
