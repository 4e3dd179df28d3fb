-- A profile's newest touchpoints, of these kinds only where some are named.
SELECT occurred_at, touchpoint, channel, source, ifNull(campaign, ''), ifNull(order_id, ''), amount, ifNull(currency, ''), event_id
FROM $database.touchpoints
WHERE profile_id = {profile_id:UUID}
    AND event_id IN (
        SELECT event_id FROM $database.touchpoints_log WHERE profile_id = {profile_id:UUID}
        UNION ALL
        SELECT event_id FROM $database.placements_log WHERE profile_id = {profile_id:UUID})
    AND ({complaints:Bool} = 0 OR touchpoint = 'complaint' OR startsWith(touchpoint, 'complaint.'))
ORDER BY occurred_at DESC, event_id DESC
LIMIT {most:UInt64}
