-- Purchases whose buyer nobody knows, by currency, as the view ropo_purchases counts them: they name nobody and are in no
-- conversion. A part of a purchase is its whole, unless it has an entry of its own in the catalogue.
WITH
    names AS (SELECT toString(name) FROM $database.catalogue_touchpoints),
    bought AS (SELECT toString(name) FROM $database.catalogue_touchpoints WHERE purchase IN ('store', 'web'))
SELECT ifNull(toString(currency), '') AS code, count() AS purchases, sum(ifNull(amount, 0)) AS value
FROM $database.touchpoints
WHERE isNull(profile_id)
    AND touchpoint IN
    (
        SELECT touchpoint
        FROM (SELECT touchpoint, toString(touchpoint) AS name FROM (SELECT DISTINCT touchpoint FROM $database.touchpoints_log))
        WHERE multiIf(
            name IN (names), name,
            substringIndex(name, '.', 2) IN (names), substringIndex(name, '.', 2),
            substringIndex(name, '.', 1)) IN (bought)
    )
    AND occurred_at >= {since:DateTime64(6, 'UTC')} AND occurred_at < {until:DateTime64(6, 'UTC')}
    AND received_at <= {as_of:DateTime64(6, 'UTC')}
    AND event_id NOT IN (SELECT conversion_id FROM $database.conversions_log)
GROUP BY code
ORDER BY purchases DESC, code
