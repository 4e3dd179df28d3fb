-- The profiles that must look at themselves again: all that have touchpoints, or only those that have conversions.
SELECT DISTINCT profile_id
FROM
(
    SELECT assumeNotNull(profile_id) AS profile_id FROM $database.touchpoints
    WHERE isNotNull(profile_id) AND NOT {only_conversions:Bool}
    UNION ALL
    SELECT profile_id FROM $database.conversions WHERE {only_conversions:Bool}
)
ORDER BY profile_id
