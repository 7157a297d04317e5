-- The extension documents of gateways, such as tunnel policies. They are no part of the gateway's body.
CREATE TABLE extensions (
    resource_key TEXT PRIMARY KEY NOT NULL,
    resource_id  TEXT NOT NULL,
    gateway      TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    -- The last segment of the ARM type, such as tunnelPolicies.
    type         TEXT NOT NULL,
    name         TEXT NOT NULL,
    -- Canonical JSON with all defaults.
    properties   TEXT NOT NULL,
    etag         TEXT NOT NULL
) STRICT;

CREATE INDEX extensions_by_gateway ON extensions (gateway, resource_key);
