-- How much goes wherever an identifier goes: the touchpoints that it is the strongest identifier of.
SELECT count() AS touchpoints, countIf(event_id IN (SELECT conversion_id FROM $database.conversions)) AS conversions
FROM $database.touchpoints_log FINAL
WHERE owner = {identifier:String}
