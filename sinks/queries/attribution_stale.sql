-- How many conversions are split by other fits than those in force, by model; `mark` tells two answers apart.
SELECT
    s.model AS model, booked_fit, fit_in_force, count() AS conversions, uniqExact(profile_id) AS profiles,
    groupBitXor(cityHash64(conversion_id, ifNull(toString(booked_fit), ''), ifNull(toString(fit_in_force), ''))) AS mark
FROM $database.attribution_stale AS s
GROUP BY model, booked_fit, fit_in_force
ORDER BY model, conversions DESC, booked_fit
