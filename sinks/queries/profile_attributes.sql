-- What is known of a person; see the view profile_attributes.
SELECT
    name,
    argMax(json, (occurred_at, event_id)) AS last_json,
    if(startsWith(last_json, '"'), JSONExtractString(last_json), last_json),
    max(occurred_at), argMax(source, (occurred_at, event_id)), argMax(verified, (occurred_at, event_id))
FROM $database.touchpoint_attributes
WHERE profile_id = {profile_id:UUID}
    AND event_id IN (
        SELECT event_id FROM $database.touchpoints_log WHERE profile_id = {profile_id:UUID}
        UNION ALL
        SELECT event_id FROM $database.placements_log WHERE profile_id = {profile_id:UUID})
GROUP BY name
HAVING last_json != 'null'
ORDER BY name
