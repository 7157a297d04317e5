-- What gateways stand in and lean on. A group holds everything; its row goes last.

CREATE TABLE resource_groups (
    id           TEXT PRIMARY KEY NOT NULL,
    subscription TEXT NOT NULL COLLATE NOCASE,
    name         TEXT NOT NULL COLLATE NOCASE,
    -- `location` and `tags`, canonical JSON.
    body         TEXT NOT NULL,
    -- Whether it waits for its last gateway to go.
    deleting     INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    UNIQUE (subscription, name)
) STRICT;

-- Virtual networks, with their subnets, and public IP addresses.
CREATE TABLE network_resources (
    resource_id    TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
    id             TEXT NOT NULL UNIQUE,
    subscription   TEXT NOT NULL COLLATE NOCASE,
    resource_group TEXT NOT NULL COLLATE NOCASE,
    kind           TEXT NOT NULL CHECK (kind IN ('virtualNetworks', 'publicIPAddresses')),
    name           TEXT NOT NULL COLLATE NOCASE,
    -- Canonical JSON.
    body           TEXT NOT NULL,
    etag           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    changed_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX network_resources_by_group ON network_resources (kind, subscription, resource_group, name);

-- Which subnets and public IP addresses gateways refer to. What is referred to need not be stored.
CREATE TABLE leans (
    target  TEXT NOT NULL COLLATE NOCASE,
    -- The resource ID of the child that refers to it.
    source  TEXT NOT NULL COLLATE NOCASE,
    gateway TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    PRIMARY KEY (target, source)
) STRICT, WITHOUT ROWID;

CREATE INDEX leans_by_gateway ON leans (gateway);

INSERT OR IGNORE INTO leans (target, source, gateway)
SELECT '/' || ltrim(target, '/'), source, gateway FROM (
    SELECT json_extract(properties, '$.publicIPAddress.id') AS target, resource_id AS source, gateway FROM children
    UNION ALL
    SELECT json_extract(properties, '$.subnet.id'), resource_id, gateway FROM children
) WHERE target IS NOT NULL;

-- The groups of what was there before there were groups; random UUIDs of version 4.
INSERT INTO resource_groups (id, subscription, name, body, created_at, changed_at)
SELECT
    lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'
        || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
    subscription, resource_group,
    json_object('location', coalesce(json_extract(body, '$.location'), 'local'), 'tags', json_object()),
    min(created_at), min(created_at)
FROM gateways GROUP BY subscription, resource_group;
