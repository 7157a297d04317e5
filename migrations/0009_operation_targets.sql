-- The resource that the write of an operation was about: the gateway, a child, or a member of a child. Whether a newer
-- write undoes an older one depends on it. Null where no write waits for a generation, and in rows from before.
ALTER TABLE operations ADD COLUMN target TEXT COLLATE NOCASE;
