-- Names that say what the column and the table hold: the digest of the compiled configuration, and the references of gateways
-- to networks and public addresses.
ALTER TABLE gateways RENAME COLUMN meaning TO config_digest;
ALTER TABLE leans RENAME TO network_references;
DROP INDEX leans_by_gateway;
CREATE INDEX network_references_by_gateway ON network_references (gateway);
