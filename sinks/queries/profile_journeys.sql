-- A profile's journeys, the newest first.
SELECT
    opened_at, last_at, converted_at,
    status_now, touchpoints, conversions, channels, first_touchpoint, last_touchpoint, journey_id
FROM $database.journeys
WHERE profile_id = {profile_id:UUID}
ORDER BY opened_at DESC, journey_id
LIMIT {most:UInt64}
