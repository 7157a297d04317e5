-- The warnings about the resources of a deployment: a JSON array; NULL if there are none.
ALTER TABLE deployments ADD COLUMN warnings TEXT;
