-- Whether the operator has a worker drained.
ALTER TABLE workers ADD COLUMN drained INTEGER NOT NULL DEFAULT 0;
