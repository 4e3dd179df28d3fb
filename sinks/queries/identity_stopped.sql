-- What guards have stopped, the latest first.
SELECT last_stopped_at, first_stopped_at, guard, identifier, other, words, cause, evidence
FROM $database.identity_stops
WHERE ({guard:String} = '' OR guard = {guard:String})
    AND ({identifier:String} = '' OR identifier = {identifier:String} OR other = {identifier:String})
    AND toUnixTimestamp64Micro(last_stopped_at) >= {since:Int64}
ORDER BY last_stopped_at DESC, identifier, other
LIMIT {most:UInt64}
