-- Where those are now that were ever in a profile, and which identifier named it.
SELECT profile_id, any(named_by), groupUniqArray(identifier), max(since), max(identifier IN (
    SELECT named_by FROM $database.profiles_log WHERE profile_id = {profile_id:UUID})) AS has_its_name
FROM $database.identifiers
WHERE identifier IN (
    SELECT identifier FROM $database.profiles_log
    WHERE profile_id = {profile_id:UUID} OR previous_profile_id = {profile_id:UUID})
GROUP BY profile_id
ORDER BY has_its_name DESC, max(since) DESC, profile_id
