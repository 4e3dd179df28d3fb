-- Whose conversions are split by other fits than those in force, and what brought that about last.
SELECT
    s.profile_id AS profile_id,
    argMax(if(empty(p.model), assumeNotNull(coalesce(booked_fit, fit_in_force)), p.fit_id), p.since) AS evidence,
    max(if(empty(p.model), now64(6, 'UTC'), p.since)) AS since,
    count() AS lines
FROM $database.attribution_stale AS s
LEFT ANY JOIN $database.models_published AS p ON p.model = s.model
GROUP BY profile_id
