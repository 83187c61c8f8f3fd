-- What was read of each contents: SQLite. 1349011811 is this program's mark, and 1 the version of the rows.

-- name: mark
-- Whose file it is.
PRAGMA application_id

-- name: version
-- What its rows mean.
PRAGMA user_version

-- name: changes
-- How often its tables were changed: 0 in a file that nobody has used.
PRAGMA schema_version

-- name: settle
-- A commit is on the disk before the next begins; a power cut costs the last one at most.
PRAGMA synchronous = NORMAL

-- name: begin
-- The one that writes, from here to the end of the transaction.
BEGIN IMMEDIATE

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

-- name: pages
-- How many pages hold something, and how large each is.
SELECT page_count - freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size

-- name: count
-- How many are remembered.
SELECT count(*) FROM readings

-- name: drop
-- Forget so many that nobody asked for longest.
DELETE FROM readings WHERE key IN (SELECT key FROM readings ORDER BY day, key LIMIT ?)
