-- The certificates of workers: one each, and for a moment two while the one is replaced by the other.
CREATE TABLE workers_without_fingerprint (
    id        TEXT PRIMARY KEY NOT NULL,
    joined_at INTEGER NOT NULL
) STRICT;

INSERT INTO workers_without_fingerprint SELECT id, joined_at FROM workers;

CREATE TABLE worker_certificates (
    -- SHA-256 of the client certificate, DER, in hexadecimal.
    fingerprint TEXT PRIMARY KEY NOT NULL,
    worker      TEXT NOT NULL REFERENCES workers_without_fingerprint (id) ON DELETE CASCADE,
    -- SHA-256 of the certificate of the authority that issued it; empty where that is not known.
    issuer      TEXT NOT NULL,
    issued_at   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX worker_certificates_by_worker ON worker_certificates (worker);

-- They were good for ten years.
INSERT INTO worker_certificates
SELECT fingerprint, id, '', joined_at, joined_at + 3650 * 24 * 60 * 60 * 1000 FROM workers;

DROP TABLE workers;
ALTER TABLE workers_without_fingerprint RENAME TO workers;

-- A token is good for one worker: once one has joined with it, for nobody but the holder of the same key, and for
-- nobody once that worker has connected.
ALTER TABLE join_tokens ADD COLUMN worker TEXT REFERENCES workers (id) ON DELETE CASCADE;
-- SHA-256 of the public key that the worker's certificate is for, in hexadecimal.
ALTER TABLE join_tokens ADD COLUMN key TEXT;
