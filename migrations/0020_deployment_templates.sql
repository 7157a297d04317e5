-- The template of a deployment, without secrets, sealed for this ID; null if it is not kept.
ALTER TABLE deployments ADD COLUMN template BLOB;

-- The number of processes that began to run the deployment and did not stop in order.
ALTER TABLE deployments ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;
