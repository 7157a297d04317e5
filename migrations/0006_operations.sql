-- Where a gateway stands between off and on takes the place of whether it has ever run.
ALTER TABLE gateways ADD COLUMN operational_state TEXT NOT NULL DEFAULT 'Created'
    CHECK (operational_state IN ('Created', 'Starting', 'Running', 'Stopping', 'Stopped'));
UPDATE gateways SET operational_state = 'Running' WHERE has_run;
ALTER TABLE gateways DROP COLUMN has_run;

-- What an operation is about outlives the gateway: who may ask after it depends on that.
-- The kinds of operations grow with the program, which checks them on reading; the table no longer does.
CREATE TABLE operations_of_any_kind (
    id           TEXT PRIMARY KEY NOT NULL,
    gateway      TEXT NOT NULL,
    resource_id  TEXT NOT NULL COLLATE NOCASE,
    subscription TEXT NOT NULL COLLATE NOCASE,
    kind         TEXT NOT NULL,
    generation   INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('InProgress', 'Succeeded', 'Failed', 'Canceled')),
    code         TEXT,
    message      TEXT,
    result       TEXT,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

INSERT INTO operations_of_any_kind
SELECT id, gateway,
       COALESCE((SELECT resource_id FROM gateways WHERE gateways.id = operations.gateway), '/subscriptions/' || subscription),
       subscription, kind, generation, state, code, message, result, started_at, ended_at FROM operations;
DROP TABLE operations;
ALTER TABLE operations_of_any_kind RENAME TO operations;

CREATE INDEX operations_in_progress ON operations (gateway) WHERE state = 'InProgress';
CREATE INDEX operations_by_end ON operations (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX operations_with_health ON operations (ended_at) WHERE kind IN ('BackendHealth', 'OnDemandHealth');
