-- When a profile was erased last, by what that took back of its conversions; no row: never, or it had none.
SELECT max(recorded_at)
FROM $database.credits_log
WHERE cause = 'erasure' AND profile_id = {profile_id:UUID}
    AND conversion_id IN (SELECT conversion_id FROM $database.conversions_log WHERE profile_id = {profile_id:UUID})
HAVING count() > 0
