-- What became of an identifier, the oldest first.
SELECT
    recorded_at, identifier, words, policy, plan, change, profile_id, from_profile_id, named_by, since, until,
    cause, evidence
FROM $database.profile_changes
WHERE identifier = {identifier:String} AND change != 'stopped'
ORDER BY recorded_at, plan, since NULLS FIRST
