-- What became of quarantined records that were replayed, and what of the quarantine is still open.

CREATE TABLE IF NOT EXISTS $database.quarantine_replays_log $on_cluster
(
    quarantine_id UUID,
    outcome LowCardinality(String) COMMENT 'accepted or duplicate: it is in; taken apart: it went on in pieces; quarantined: still bad',
    resolved Bool COMMENT 'nothing is left to do for this record',
    accepted UInt32 COMMENT 'events of it that went in now',
    duplicate UInt32 COMMENT 'events of it that were in already',
    quarantined UInt32 COMMENT 'events of it that are bad still',
    reason String COMMENT 'why it is still bad; empty where it is not',
    replayed_at DateTime64(6, 'UTC'),
    version UInt64 COMMENT 'replayed_at in microseconds since 1970: the newest replay counts'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY quarantine_id;

CREATE OR REPLACE VIEW $database.quarantine_replays $on_cluster AS
SELECT quarantine_id, outcome, resolved, accepted, duplicate, quarantined, reason, replayed_at
FROM $database.quarantine_replays_log FINAL;

CREATE OR REPLACE VIEW $database.quarantine_open $on_cluster AS
SELECT quarantine_id, source, door, reason, raw, encoding, received_at, epoch, kafka_partition, kafka_offset
FROM $database.quarantine_log FINAL
WHERE quarantine_id NOT IN (SELECT quarantine_id FROM $database.quarantine_replays_log FINAL WHERE resolved);

-- Places in a batch or a file are left out of the reason (`$$.batch[*].event`), or each would be a reason of its own.
CREATE OR REPLACE VIEW $database.quarantine_by_reason $on_cluster AS
SELECT
    source,
    replaceRegexpAll(q.reason, '\\[[0-9]+\\]', '[*]') AS reason,
    count() AS records,
    countIf(quarantine_id NOT IN (SELECT quarantine_id FROM $database.quarantine_replays_log FINAL WHERE resolved)) AS still_open,
    min(received_at) AS first_received_at,
    max(received_at) AS last_received_at,
    any(door) AS example_door
FROM $database.quarantine AS q
GROUP BY source, reason
ORDER BY records DESC, source, reason;
