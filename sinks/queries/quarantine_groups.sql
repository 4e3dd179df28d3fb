-- Quarantined records by source and reason; places in a batch or a file are left out of the reason.
WITH
    (SELECT groupArray(quarantine_id) FROM $database.quarantine_replays_log FINAL WHERE resolved) AS resolved
SELECT
    source,
    replaceRegexpAll(q.reason, '\\[[0-9]+\\]', '[*]') AS kind,
    count() AS records,
    min(received_at), max(received_at),
    argMax(door, received_at) AS example_door,
    argMax(quarantine_id, received_at) AS example_id
FROM $database.quarantine_log AS q FINAL
WHERE ({every:Bool} OR NOT has(resolved, quarantine_id))
    AND ({source:String} = '' OR source = {source:String})
    AND (positionCaseInsensitive(q.reason, {reason:String}) > 0
        OR positionCaseInsensitive(replaceRegexpAll(q.reason, '\\[[0-9]+\\]', '[*]'), {reason:String}) > 0)
    AND startsWith(door, {door:String})
    AND toUnixTimestamp64Micro(received_at) BETWEEN {since:Int64} AND {until:Int64}
GROUP BY source, kind
ORDER BY records DESC, source, kind
LIMIT {most:UInt64}
