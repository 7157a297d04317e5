-- The values that templates made from secure parameters, sealed; NULL if there are none. No answer shows them.
ALTER TABLE unserved_resources ADD COLUMN secrets BLOB;

-- Lists and counts are ranges of IDs, of one type or of all.
DROP INDEX unserved_resources_by_group;
CREATE INDEX unserved_resources_by_type ON unserved_resources (type_key, resource_key);
