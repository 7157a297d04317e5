-- Deployments of templates: the last one of each name, with what it did.

CREATE TABLE deployments (
    resource_id    TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
    -- Of this run; a deployment put again gets another one.
    id             TEXT NOT NULL UNIQUE,
    subscription   TEXT NOT NULL COLLATE NOCASE,
    resource_group TEXT NOT NULL COLLATE NOCASE,
    name           TEXT NOT NULL COLLATE NOCASE,
    -- Template, parameters and what else it is run with, sealed for this ID; null when it has ended.
    request        BLOB,
    -- What may be shown of it, JSON.
    body           TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('Running', 'Succeeded', 'Failed', 'Canceled')),
    -- JSON, when it has ended.
    outputs        TEXT,
    error          TEXT,
    correlation_id TEXT NOT NULL,
    -- Whose request it was: as in the audit log, and the API client's ID if it was one.
    author         TEXT NOT NULL,
    address        TEXT,
    request_id     TEXT,
    client         TEXT,
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER
) STRICT;

CREATE INDEX deployments_by_group ON deployments (subscription, resource_group, name);
CREATE INDEX deployments_running ON deployments (started_at) WHERE state = 'Running';

-- What a deployment has done so far, a row for each resource that it has begun to write.
CREATE TABLE deployment_steps (
    deployment    TEXT NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    id            TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('Running', 'Succeeded', 'Failed', 'Canceled')),
    -- JSON, where it failed.
    error         TEXT,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    PRIMARY KEY (deployment, position)
) STRICT, WITHOUT ROWID;
