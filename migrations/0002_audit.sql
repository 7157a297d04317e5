-- Who changed what. Written in the transaction of the change itself, so that neither is ever there without the other.

CREATE TABLE audit (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    at                INTEGER NOT NULL,
    -- The API client's name, `admin`, or `tidegate` for what the control plane does by itself.
    author            TEXT NOT NULL,
    -- Where the request came from; null for what came from this machine's command line or from within.
    address           TEXT,
    -- The request's ID, as in its answer and in the log; null where there was no request.
    request_id        TEXT,
    -- ARM's name of what was done, such as `Microsoft.Network/applicationGateways/write`.
    action            TEXT NOT NULL,
    resource_id       TEXT NOT NULL COLLATE NOCASE,
    -- Of the gateway that it was about; null where there was none.
    generation_before INTEGER,
    generation_after  INTEGER
) STRICT;

CREATE INDEX audit_by_resource ON audit (resource_id, id);
CREATE INDEX audit_by_time ON audit (at);
