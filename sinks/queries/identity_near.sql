-- Identifiers that are written nearly so, or have the same value under another kind; the nearest first. Those that are
-- written nearly so are looked for among those that begin alike: they lie together.
WITH damerauLevenshteinDistance(lowerUTF8(identifier), lowerUTF8({identifier:String})) AS distance
SELECT DISTINCT identifier
FROM $database.profiles_log
WHERE identifier IN {same_value:Array(String)}
    OR (
        (startsWith(identifier, {lower:String}) OR startsWith(identifier, {upper:String}))
        AND abs(toInt64(length(identifier)) - toInt64(length({identifier:String}))) <= {most_distance:UInt64}
        AND distance <= {most_distance:UInt64}
    )
ORDER BY identifier IN {same_value:Array(String)} DESC, distance, identifier
LIMIT {most:UInt64}
