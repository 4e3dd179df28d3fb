-- What came of one event or decision.
SELECT
    recorded_at, identifier, words, policy, plan, change, profile_id, from_profile_id, named_by, since, until,
    cause, evidence
FROM $database.profile_changes
WHERE evidence = {evidence:UUID} AND change != 'stopped'
ORDER BY identifier, plan, since NULLS FIRST
LIMIT {most:UInt64}
