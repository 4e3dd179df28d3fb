-- Where an identifier's events belong, stretch by stretch of event time.
SELECT policy, valid_from, valid_until, profile_id, named_by
FROM $database.identifiers
WHERE identifier = {identifier:String}
ORDER BY policy, valid_from NULLS FIRST
