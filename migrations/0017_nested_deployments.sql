-- Deployments to a subscription, deployments that are nested in others, and deletions as steps of a deployment.
CREATE TABLE new_deployments (
    resource_key       TEXT PRIMARY KEY NOT NULL,
    -- The ID of this run; a deployment that is put again gets another one.
    id                 TEXT NOT NULL UNIQUE,
    -- The ID of the run in which this deployment is nested; null for a deployment of a request.
    parent             TEXT,
    subscription_key   TEXT NOT NULL,
    subscription       TEXT NOT NULL,
    -- Null for a deployment to the subscription.
    resource_group_key TEXT,
    resource_group     TEXT,
    name               TEXT NOT NULL,
    -- The complete request (template, parameters, mode), sealed for this ID; null after the end, and for a nested
    -- deployment, whose request follows from that of its parent.
    request            BLOB,
    -- The part of the request that responses show, JSON.
    body               TEXT NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('Running', 'Succeeded', 'Failed', 'Canceled')),
    -- JSON, present after the end.
    outputs            TEXT,
    error              TEXT,
    correlation_id     TEXT NOT NULL,
    -- The author of the request, as in the audit log, and the API client's ID if the author is one.
    author             TEXT NOT NULL,
    address            TEXT,
    request_id         TEXT,
    client             TEXT,
    started_at         INTEGER NOT NULL,
    ended_at           INTEGER
) STRICT;

INSERT INTO new_deployments
SELECT resource_key, id, NULL, subscription_key, subscription, resource_group_key, resource_group, name, request, body,
       state, outputs, error, correlation_id, author, address, request_id, client, started_at, ended_at
FROM deployments;

-- The progress of a deployment: one row for each resource that it has begun to write or to delete.
CREATE TABLE new_deployment_steps (
    deployment    TEXT NOT NULL REFERENCES new_deployments (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    id            TEXT NOT NULL,
    operation     TEXT NOT NULL CHECK (operation IN ('Create', 'Delete')),
    resource_id   TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('Running', 'Succeeded', 'Failed', 'Canceled')),
    -- JSON, present after a failure.
    error         TEXT,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    PRIMARY KEY (deployment, position)
) STRICT;

INSERT INTO new_deployment_steps
SELECT deployment, position, id, 'Create', resource_id, resource_type, state, error, started_at, ended_at
FROM deployment_steps;

DROP TABLE deployment_steps;
DROP TABLE deployments;
ALTER TABLE new_deployments RENAME TO deployments;
ALTER TABLE new_deployment_steps RENAME TO deployment_steps;

CREATE INDEX deployments_by_group ON deployments (subscription_key, resource_group_key, started_at);
CREATE INDEX deployments_running ON deployments (started_at) WHERE state = 'Running';
CREATE INDEX deployments_by_parent ON deployments (parent) WHERE parent IS NOT NULL;
