-- A profile's contacts in figures. Those that were ever in it are found by index; which of them still are, the view says.
SELECT
    count() AS touchpoints,
    if(touchpoints = 0, NULL, min(occurred_at)) AS first_contact,
    if(touchpoints = 0, NULL, max(occurred_at)) AS last_contact,
    argMin(toString(channel), (occurred_at, event_id)) AS first_channel,
    arraySort(groupUniqArrayIf(assumeNotNull(owner), isNotNull(owner))) AS owners
FROM $database.touchpoints
WHERE profile_id = {profile_id:UUID}
    AND event_id IN (
        SELECT event_id FROM $database.touchpoints_log WHERE profile_id = {profile_id:UUID}
        UNION ALL
        SELECT event_id FROM $database.placements_log WHERE profile_id = {profile_id:UUID})
