-- Resource IDs, and the parts they consist of, compare without regard to case. Each column that is compared is now a key
-- in lower case (ASCII); the column beside it keeps the spelling that responses show. Keys compare byte by byte. Rows
-- that need an order of creation have a number.

CREATE TABLE new_gateways (
    id                 TEXT PRIMARY KEY NOT NULL,
    resource_key       TEXT NOT NULL UNIQUE,
    resource_id        TEXT NOT NULL,
    subscription_key   TEXT NOT NULL,
    subscription       TEXT NOT NULL,
    resource_group_key TEXT NOT NULL,
    resource_group     TEXT NOT NULL,
    name_key           TEXT NOT NULL,
    name               TEXT NOT NULL,
    -- The document without its children, canonical JSON.
    body               TEXT NOT NULL,
    etag               TEXT NOT NULL,
    -- Incremented by each write that changes the compiled configuration.
    generation         INTEGER NOT NULL CHECK (generation > 0),
    -- SHA-256 of the compiled configuration of that generation, in hexadecimal.
    config_digest      TEXT NOT NULL,
    provisioning_state TEXT NOT NULL CHECK (provisioning_state IN ('Updating', 'Succeeded', 'Failed', 'Deleting')),
    -- The reason of a failure; null in other states.
    state_reason       TEXT,
    operational_state  TEXT NOT NULL DEFAULT 'Created'
        CHECK (operational_state IN ('Created', 'Starting', 'Running', 'Stopping', 'Stopped')),
    created_at         INTEGER NOT NULL,
    changed_at         INTEGER NOT NULL
) STRICT;

INSERT INTO new_gateways
SELECT id, lower(resource_id), resource_id, lower(subscription), subscription, lower(resource_group), resource_group,
       lower(name), name, body, etag, generation, config_digest, provisioning_state, state_reason, operational_state,
       created_at, changed_at
FROM gateways;

CREATE TABLE new_children (
    resource_key TEXT PRIMARY KEY NOT NULL,
    resource_id  TEXT NOT NULL,
    gateway      TEXT NOT NULL REFERENCES new_gateways (id) ON DELETE CASCADE,
    collection   TEXT NOT NULL,
    -- The position within the collection, from 0.
    position     INTEGER NOT NULL,
    name         TEXT NOT NULL,
    -- Canonical JSON, without the write-only properties.
    properties   TEXT NOT NULL,
    -- The write-only properties, sealed for the resource key.
    secret       BLOB,
    etag         TEXT NOT NULL
) STRICT;

INSERT INTO new_children
SELECT lower(resource_id), resource_id, gateway, collection, position, name, properties, secret, etag FROM children;

-- The ports of each address on which gateways listen: two gateways cannot bind the same one.
CREATE TABLE new_frontend_claims (
    address TEXT NOT NULL,
    port    INTEGER NOT NULL,
    gateway TEXT NOT NULL REFERENCES new_gateways (id) ON DELETE CASCADE,
    PRIMARY KEY (address, port)
) STRICT;

INSERT INTO new_frontend_claims SELECT address, port, gateway FROM frontend_claims;

-- The subnets and public IP addresses to which gateways refer. The target of a reference need not be stored.
CREATE TABLE new_network_references (
    target_key TEXT NOT NULL,
    target     TEXT NOT NULL,
    -- The resource ID of the child that refers to the target.
    source_key TEXT NOT NULL,
    source     TEXT NOT NULL,
    gateway    TEXT NOT NULL REFERENCES new_gateways (id) ON DELETE CASCADE,
    PRIMARY KEY (target_key, source_key)
) STRICT;

INSERT INTO new_network_references SELECT lower(target), target, lower(source), source, gateway FROM network_references;

-- The error pages to which a gateway refers, as they were when the gateway was last written.
CREATE TABLE new_error_pages (
    gateway      TEXT NOT NULL REFERENCES new_gateways (id) ON DELETE CASCADE,
    url          TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (gateway, url)
) STRICT;

INSERT INTO new_error_pages SELECT gateway, url, content_type, body FROM error_pages;

-- The tables that refer to gateways go before them, so that nothing is deleted by a cascade.
DROP TABLE error_pages;
DROP TABLE network_references;
DROP TABLE frontend_claims;
DROP TABLE children;
DROP TABLE gateways;
ALTER TABLE new_gateways RENAME TO gateways;
ALTER TABLE new_children RENAME TO children;
ALTER TABLE new_frontend_claims RENAME TO frontend_claims;
ALTER TABLE new_network_references RENAME TO network_references;
ALTER TABLE new_error_pages RENAME TO error_pages;

CREATE INDEX gateways_by_group ON gateways (subscription_key, resource_group_key, name_key);
CREATE INDEX children_by_gateway ON children (gateway, collection, position);
CREATE INDEX frontend_claims_by_gateway ON frontend_claims (gateway);
CREATE INDEX network_references_by_gateway ON network_references (gateway);

-- An operation is kept after its resource is deleted, so that the end of a deletion can be polled.
CREATE TABLE new_operations (
    -- The order of creation.
    number           INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT NOT NULL UNIQUE,
    -- The ID of the gateway, or of the resource group that is deleted.
    gateway          TEXT NOT NULL,
    resource_id      TEXT NOT NULL,
    -- The resource ID of the written gateway, child or member of a child. Null for an operation that belongs to no write.
    target           TEXT,
    subscription_key TEXT NOT NULL,
    kind             TEXT NOT NULL,
    generation       INTEGER NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('InProgress', 'Succeeded', 'Failed', 'Canceled')),
    code             TEXT,
    message          TEXT,
    result           TEXT,
    started_at       INTEGER NOT NULL,
    ended_at         INTEGER
) STRICT;

INSERT INTO new_operations
SELECT rowid, id, gateway, resource_id, target, lower(subscription), kind, generation, state, code, message, result,
       started_at, ended_at
FROM operations;

DROP TABLE operations;
ALTER TABLE new_operations RENAME TO operations;

CREATE INDEX operations_in_progress ON operations (gateway) WHERE state = 'InProgress';
CREATE INDEX operations_by_end ON operations (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX operations_with_health ON operations (ended_at) WHERE kind IN ('BackendHealth', 'OnDemandHealth');

CREATE TABLE new_resource_groups (
    id               TEXT PRIMARY KEY NOT NULL,
    subscription_key TEXT NOT NULL,
    subscription     TEXT NOT NULL,
    name_key         TEXT NOT NULL,
    name             TEXT NOT NULL,
    -- `location` and `tags`, canonical JSON.
    body             TEXT NOT NULL,
    -- True while the group waits for the deletion of its last gateway.
    deleting         INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    UNIQUE (subscription_key, name_key)
) STRICT;

INSERT INTO new_resource_groups
SELECT id, lower(subscription), subscription, lower(name), name, body, deleting, created_at, changed_at
FROM resource_groups;

DROP TABLE resource_groups;
ALTER TABLE new_resource_groups RENAME TO resource_groups;

-- Virtual networks, with their subnets, and public IP addresses.
CREATE TABLE new_network_resources (
    resource_key       TEXT PRIMARY KEY NOT NULL,
    resource_id        TEXT NOT NULL,
    id                 TEXT NOT NULL UNIQUE,
    subscription_key   TEXT NOT NULL,
    subscription       TEXT NOT NULL,
    resource_group_key TEXT NOT NULL,
    resource_group     TEXT NOT NULL,
    kind               TEXT NOT NULL,
    name_key           TEXT NOT NULL,
    name               TEXT NOT NULL,
    -- Canonical JSON.
    body               TEXT NOT NULL,
    etag               TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    changed_at         INTEGER NOT NULL
) STRICT;

INSERT INTO new_network_resources
SELECT lower(resource_id), resource_id, id, lower(subscription), subscription, lower(resource_group), resource_group,
       kind, lower(name), name, body, etag, created_at, changed_at
FROM network_resources;

DROP TABLE network_resources;
ALTER TABLE new_network_resources RENAME TO network_resources;

CREATE INDEX network_resources_by_group ON network_resources (kind, subscription_key, resource_group_key, name_key);

CREATE TABLE new_deployments (
    resource_key       TEXT PRIMARY KEY NOT NULL,
    -- The ID of this run; a deployment that is put again gets another one.
    id                 TEXT NOT NULL UNIQUE,
    subscription_key   TEXT NOT NULL,
    subscription       TEXT NOT NULL,
    resource_group_key TEXT NOT NULL,
    resource_group     TEXT NOT NULL,
    name               TEXT NOT NULL,
    -- The complete request (template, parameters, mode), sealed for this ID; null after the end.
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
SELECT lower(resource_id), id, lower(subscription), subscription, lower(resource_group), resource_group, name, request,
       body, state, outputs, error, correlation_id, author, address, request_id, client, started_at, ended_at
FROM deployments;

-- The progress of a deployment: one row for each resource that it has begun to write.
CREATE TABLE new_deployment_steps (
    deployment    TEXT NOT NULL REFERENCES new_deployments (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    id            TEXT NOT NULL,
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
SELECT deployment, position, id, resource_id, resource_type, state, error, started_at, ended_at FROM deployment_steps;

DROP TABLE deployment_steps;
DROP TABLE deployments;
ALTER TABLE new_deployments RENAME TO deployments;
ALTER TABLE new_deployment_steps RENAME TO deployment_steps;

CREATE INDEX deployments_by_group ON deployments (subscription_key, resource_group_key, started_at);
CREATE INDEX deployments_running ON deployments (started_at) WHERE state = 'Running';

CREATE TABLE new_clients (
    app_id        TEXT PRIMARY KEY NOT NULL,
    name_key      TEXT NOT NULL,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('reader', 'contributor')),
    -- A JSON array of resource IDs; `/` covers every resource.
    scopes        TEXT NOT NULL,
    secret_hash   TEXT NOT NULL,
    -- Incremented with each new secret. A token contains the number of its secret and is valid for that one alone.
    secret_number INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER
) STRICT;

INSERT INTO new_clients
SELECT app_id, lower(name), name, role, scopes, secret_hash, secret_number, created_at, revoked_at FROM clients;

DROP TABLE clients;
ALTER TABLE new_clients RENAME TO clients;

CREATE UNIQUE INDEX clients_by_name ON clients (name_key) WHERE revoked_at IS NULL;

CREATE TABLE new_join_tokens (
    -- The order of creation.
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 of the token.
    hash       TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL,
    -- The worker that has joined with the token. Until it has connected, the token is valid for the same key.
    worker     TEXT REFERENCES workers (id) ON DELETE CASCADE,
    -- SHA-256 of the public key of the worker's certificate, in hexadecimal.
    key        TEXT
) STRICT;

INSERT INTO new_join_tokens SELECT rowid, hash, expires_at, worker, key FROM join_tokens;

DROP TABLE join_tokens;
ALTER TABLE new_join_tokens RENAME TO join_tokens;

CREATE TABLE new_audit (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    at                INTEGER NOT NULL,
    -- The API client's name, `admin`, or `tidegate` for the control plane itself.
    author_key        TEXT NOT NULL,
    author            TEXT NOT NULL,
    -- The address of the client; null for the local command line and the control plane itself.
    address           TEXT,
    -- The ID of the request, as in its response and in the log; null without a request.
    request_id        TEXT,
    -- ARM's name of the operation, such as `Microsoft.Network/applicationGateways/write`.
    action            TEXT NOT NULL,
    resource_key      TEXT NOT NULL,
    resource_id       TEXT NOT NULL,
    -- The generations of the gateway concerned; null without one.
    generation_before INTEGER,
    generation_after  INTEGER
) STRICT;

INSERT INTO new_audit
SELECT id, at, lower(author), author, address, request_id, action, lower(resource_id), resource_id, generation_before,
       generation_after
FROM audit;

DROP TABLE audit;
ALTER TABLE new_audit RENAME TO audit;

CREATE INDEX audit_by_resource ON audit (resource_key, id);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_author ON audit (author_key, id);

-- `ONLY` is a reserved word of the SQL standard.
ALTER TABLE identity RENAME COLUMN only TO singleton;

-- A probe write inserts a row here and deletes it again, to find out whether writes succeed.
CREATE TABLE write_probe (
    filler TEXT NOT NULL
) STRICT;
