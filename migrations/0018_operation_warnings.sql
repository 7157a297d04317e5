-- The warnings about the document of a write: a JSON array; NULL if there are none.
ALTER TABLE operations ADD COLUMN warnings TEXT;
