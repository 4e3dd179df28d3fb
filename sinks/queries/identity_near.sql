-- Identifiers that are written nearly so, or have the same value under another kind; the nearest first.
WITH damerauLevenshteinDistance(lowerUTF8(identifier), lowerUTF8({identifier:String})) AS distance
SELECT identifier
FROM
(
    SELECT DISTINCT identifier FROM $database.profile_changes
)
WHERE distance <= {most_distance:UInt64} OR endsWith(identifier, concat(':', {value:String}))
ORDER BY endsWith(identifier, concat(':', {value:String})) DESC, distance, identifier
LIMIT {most:UInt64}
