-- When a worker was last connected, in milliseconds since 1970; 0 for one that never was.
ALTER TABLE workers ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE workers SET seen_at = joined_at;
