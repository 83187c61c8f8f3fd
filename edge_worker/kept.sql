-- What every file of SQLite that may be lost is asked for.

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

-- name: pages
-- How many pages hold something, and how large each is.
SELECT page_count - freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size
