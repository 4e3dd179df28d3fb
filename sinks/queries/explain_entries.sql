-- Every entry of a conversion that was recorded by then, in the order of the ledger.
SELECT
    recorded_at, revision, cause, profile_id, model, sign, line, touchpoint_id, ifNull(touchpoint, ''), ifNull(channel, ''),
    ifNull(campaign, ''), touched_at, credit, value, ifNull(currency, ''), fit_id
FROM $database.credits_as_of(as_of = {as_of:DateTime64(6, 'UTC')})
WHERE conversion_id = {conversion_id:UUID}
ORDER BY revision, recorded_at, profile_id, model, sign, isNull(touchpoint_id), touched_at, touchpoint_id, line
