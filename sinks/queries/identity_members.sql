-- The identifiers that are in a profile now, and what brought each there last; those that were ever in it are few.
SELECT
    identifier, max(shared), max(since),
    argMax(change, (since, plan)), argMax(cause, (since, plan)), argMax(evidence, (since, plan))
FROM $database.identifiers
WHERE profile_id = {profile_id:UUID}
    AND identifier IN (
        SELECT identifier FROM $database.profile_changes WHERE profile_id = {profile_id:UUID} AND change != 'stopped')
GROUP BY identifier
ORDER BY identifier
LIMIT {most:UInt64}
