-- Quarantined records behind a place, in the order of (received_at, quarantine_id), with what their last replay said.
SELECT
    q.quarantine_id, q.source, q.door, q.reason, q.raw, q.encoding, q.received_at,
    r.outcome, r.reason, r.resolved
FROM
(
    SELECT quarantine_id, source, door, reason, raw, encoding, received_at
    FROM $database.quarantine_log FINAL
) AS q
LEFT JOIN
(
    SELECT quarantine_id, outcome, reason, resolved FROM $database.quarantine_replays_log FINAL
) AS r ON q.quarantine_id = r.quarantine_id
WHERE ({every:Bool} OR NOT r.resolved)
    AND ({source:String} = '' OR q.source = {source:String})
    AND (positionCaseInsensitive(q.reason, {reason:String}) > 0
        OR positionCaseInsensitive(replaceRegexpAll(q.reason, '\\[[0-9]+\\]', '[*]'), {reason:String}) > 0)
    AND startsWith(q.door, {door:String})
    AND startsWith(toString(q.quarantine_id), {id:String})
    AND toUnixTimestamp64Micro(q.received_at) BETWEEN {since:Int64} AND {until:Int64}
    AND (toUnixTimestamp64Micro(q.received_at), toString(q.quarantine_id)) > ({after:Int64}, {after_id:String})
ORDER BY q.received_at, toString(q.quarantine_id)
LIMIT {most:UInt64}
