-- What came in and what became of it; `source` is the POS files', whose baskets are the conversions.
SELECT
    (SELECT count() FROM touchpoints) AS touchpoints,
    (SELECT uniqExact(profile_id) FROM touchpoints) AS profiles,
    (SELECT count() FROM journeys) AS journeys,
    (SELECT count() FROM journeys WHERE isNotNull(converted_at)) AS converted_journeys,
    (SELECT count() FROM conversions WHERE source = 'retail-year') AS conversions,
    (SELECT sum(net_minor) FROM conversions WHERE source = 'retail-year') AS revenue_minor,
    (SELECT count() FROM quarantine) AS quarantined,
    (SELECT count() FROM attribution_violations) AS violations
