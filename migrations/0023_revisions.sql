-- The content of each generation of a gateway, for its history and for going back. It goes with the gateway.

CREATE TABLE revisions (
    gateway      TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    generation   INTEGER NOT NULL CHECK (generation > 0),
    -- When the generation was made, by whom, and the reason that the author gave; null if there was none.
    created_at   INTEGER NOT NULL,
    author       TEXT NOT NULL,
    reason       TEXT,
    -- When the content was last replaced: a write that workers do not notice makes no generation.
    changed_at   INTEGER NOT NULL,
    etag         TEXT NOT NULL,
    listeners    INTEGER NOT NULL,
    pools        INTEGER NOT NULL,
    members      INTEGER NOT NULL,
    rules        INTEGER NOT NULL,
    certificates INTEGER NOT NULL,
    -- The document with its secrets, extension documents and error pages: JSON, sealed for gateway and generation.
    content      BLOB NOT NULL,
    PRIMARY KEY (gateway, generation)
) STRICT;
