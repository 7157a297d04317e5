-- Resource IDs, and the parts that they are made of, compare without regard to case, as ARM does.
-- Times are milliseconds since 1970 (UTC). Identities are UUIDs as text.

CREATE TABLE gateways (
    id                 TEXT PRIMARY KEY NOT NULL,
    resource_id        TEXT NOT NULL UNIQUE COLLATE NOCASE,
    subscription       TEXT NOT NULL COLLATE NOCASE,
    resource_group     TEXT NOT NULL COLLATE NOCASE,
    name               TEXT NOT NULL COLLATE NOCASE,
    -- The document without its children, canonical JSON.
    body               TEXT NOT NULL,
    etag               TEXT NOT NULL,
    -- Grows by one with each write that means something new to a worker.
    generation         INTEGER NOT NULL CHECK (generation > 0),
    -- SHA-256 of what that generation compiles to, in hexadecimal.
    meaning            TEXT NOT NULL,
    provisioning_state TEXT NOT NULL CHECK (provisioning_state IN ('Updating', 'Succeeded', 'Failed', 'Deleting')),
    -- Why it failed; null otherwise.
    state_reason       TEXT,
    -- Whether any generation was ever in force.
    has_run            INTEGER NOT NULL DEFAULT 0,
    created_at         INTEGER NOT NULL,
    changed_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX gateways_by_group ON gateways (subscription, resource_group, name);

CREATE TABLE children (
    resource_id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
    gateway     TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    collection  TEXT NOT NULL,
    -- The place within the collection, from 0.
    position    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    -- Canonical JSON, without what is write-only.
    properties  TEXT NOT NULL,
    -- What is write-only, sealed for this resource ID in lower case.
    secret      BLOB,
    etag        TEXT NOT NULL
) STRICT;

CREATE INDEX children_by_gateway ON children (gateway, collection, position);

-- Which gateway has which port of which address: two gateways cannot bind the same.
CREATE TABLE frontend_claims (
    address TEXT NOT NULL,
    port    INTEGER NOT NULL,
    gateway TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    PRIMARY KEY (address, port)
) STRICT, WITHOUT ROWID;

CREATE INDEX frontend_claims_by_gateway ON frontend_claims (gateway);

-- Operations outlive the gateway that they are about, so that the end of a deletion can be polled.
CREATE TABLE operations (
    id           TEXT PRIMARY KEY NOT NULL,
    gateway      TEXT NOT NULL,
    subscription TEXT NOT NULL COLLATE NOCASE,
    kind         TEXT NOT NULL CHECK (kind IN ('Write', 'Delete', 'BackendHealth')),
    generation   INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('InProgress', 'Succeeded', 'Failed', 'Canceled')),
    code         TEXT,
    message      TEXT,
    result       TEXT,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

CREATE INDEX operations_in_progress ON operations (gateway) WHERE state = 'InProgress';
CREATE INDEX operations_by_end ON operations (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX operations_with_health ON operations (ended_at) WHERE kind = 'BackendHealth';

CREATE TABLE workers (
    id          TEXT PRIMARY KEY NOT NULL,
    -- SHA-256 of the client certificate, DER, in hexadecimal.
    fingerprint TEXT NOT NULL UNIQUE,
    joined_at   INTEGER NOT NULL
) STRICT;

-- Each is good for one worker; only the hash is kept.
CREATE TABLE join_tokens (
    hash       TEXT PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
