-- Who this installation is to API clients: made once, at the first start.
CREATE TABLE identity (
    only        INTEGER PRIMARY KEY NOT NULL CHECK (only = 1),
    -- The tenant that its tokens are of, a UUID.
    tenant      TEXT NOT NULL,
    -- What its tokens are signed with: an ECDSA P-256 key, PKCS #8, sealed.
    signing_key BLOB NOT NULL
) STRICT;

-- Programs that may use the management API. Those revoked stay, since the audit log speaks of them.
CREATE TABLE clients (
    app_id        TEXT PRIMARY KEY NOT NULL,
    name          TEXT NOT NULL COLLATE NOCASE,
    role          TEXT NOT NULL CHECK (role IN ('reader', 'contributor')),
    -- A JSON array of resource IDs; `/` is everything.
    scopes        TEXT NOT NULL,
    -- argon2id, in PHC form.
    secret_hash   TEXT NOT NULL,
    -- Grows with each new secret. A token says under which it was given out, and is good for no other.
    secret_number INTEGER NOT NULL DEFAULT 1,
    created_at    INTEGER NOT NULL,
    revoked_at    INTEGER
) STRICT;

CREATE UNIQUE INDEX clients_by_name ON clients (name) WHERE revoked_at IS NULL;
CREATE INDEX audit_by_author ON audit (author, id);
