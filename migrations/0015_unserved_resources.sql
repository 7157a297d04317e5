-- Resources of types that Tidegate does not serve: stored whole, without effect.
CREATE TABLE unserved_resources (
    resource_key       TEXT PRIMARY KEY NOT NULL,
    resource_id        TEXT NOT NULL,
    id                 TEXT NOT NULL UNIQUE,
    subscription_key   TEXT NOT NULL,
    -- Null for a resource of the subscription itself.
    resource_group_key TEXT,
    -- The ARM type in lower case.
    type_key           TEXT NOT NULL,
    -- The part of the PUT's body that is stored, JSON.
    body               TEXT NOT NULL,
    etag               TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    changed_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX unserved_resources_by_group ON unserved_resources (subscription_key, resource_group_key, type_key);
