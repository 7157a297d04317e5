-- The error pages that a gateway names, as they were found when it was last written.
CREATE TABLE error_pages (
    gateway      TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    url          TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (gateway, url)
) STRICT, WITHOUT ROWID;
