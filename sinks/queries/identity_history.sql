-- What became of an identifier, the newest first.
SELECT
    recorded_at, identifier, words, policy, plan, change, profile_id, from_profile_id, named_by, since, until,
    cause, evidence
FROM $database.profile_changes
WHERE identifier = {identifier:String} AND change != 'stopped'
ORDER BY recorded_at DESC, plan DESC, since DESC NULLS LAST
LIMIT {most:UInt64}
