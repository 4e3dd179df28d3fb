-- The path of a conversion, and whose each touch is: the owner is the strongest identifier of its event.
SELECT
    step.1 AS touchpoint_id, step.2 AS touched_at, step.3 AS touchpoint, step.4 AS channel, ifNull(step.5, '') AS campaign,
    ifNull(t.owner, '') AS owner, t.received_at AS received_at
FROM
(
    SELECT arrayJoin(arrayZip(
        path.touchpoint_id, path.touched_at, path.touchpoint, path.channel, path.campaign,
        arrayEnumerate(path.channel))) AS step, step.1 AS id
    FROM $database.conversions_log FINAL
    WHERE conversion_id = {conversion_id:UUID}
) AS p
LEFT ANY JOIN
(
    SELECT event_id, owner, received_at
    FROM $database.touchpoints_log FINAL
    WHERE event_id IN
    (
        SELECT arrayJoin(path.touchpoint_id) FROM $database.conversions_log FINAL WHERE conversion_id = {conversion_id:UUID}
    )
) AS t ON t.event_id = p.id
ORDER BY step.6
