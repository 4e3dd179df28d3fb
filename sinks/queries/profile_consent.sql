-- What a person allows; see the view profile_consent.
SELECT
    purpose, argMax(allowed, (occurred_at, event_id)), max(occurred_at),
    argMax(source, (occurred_at, event_id)), argMax(touchpoint, (occurred_at, event_id))
FROM $database.touchpoint_consent
WHERE profile_id = {profile_id:UUID}
    AND event_id IN (
        SELECT event_id FROM $database.touchpoints_log WHERE profile_id = {profile_id:UUID}
        UNION ALL
        SELECT event_id FROM $database.placements_log WHERE profile_id = {profile_id:UUID})
GROUP BY purpose
ORDER BY purpose
