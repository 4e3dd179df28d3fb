-- How much a profile has brought: journeys, conversions, and net revenue by currency.
SELECT
    (SELECT count() FROM $database.journeys WHERE profile_id = {profile_id:UUID}),
    count(),
    mapFilter((currency, _) -> currency != '', sumMap(map(ifNull(toString(currency), ''), net)))
FROM $database.conversions
WHERE profile_id = {profile_id:UUID}
