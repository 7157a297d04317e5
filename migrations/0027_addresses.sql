-- The address that the document of a public IP address gives, and the one that it got from the pool otherwise.
ALTER TABLE network_resources ADD COLUMN given_address TEXT;
ALTER TABLE network_resources ADD COLUMN allocated_address TEXT;
CREATE UNIQUE INDEX network_resources_by_allocated_address ON network_resources (allocated_address)
    WHERE allocated_address IS NOT NULL;

-- The addresses of the private pool that stand for private addresses of a gateway.
CREATE TABLE private_addresses (
    bound   TEXT PRIMARY KEY NOT NULL,
    address TEXT NOT NULL,
    gateway TEXT NOT NULL REFERENCES gateways (id) ON DELETE CASCADE,
    UNIQUE (gateway, address)
) STRICT;
