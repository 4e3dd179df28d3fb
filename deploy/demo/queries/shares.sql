-- What each campaign earned in each model, in cents and in units of 1e-9 conversions.
SELECT
    model,
    if(isNull(touchpoint_id), 'unattributed', ifNull(campaign, '(no campaign)')) AS line,
    sum(value_minor) AS cents,
    toInt64(sum(credit) * 1000000000) AS credit
FROM credits
WHERE conversion_id IN (SELECT conversion_id FROM conversions WHERE source = 'retail-year')
GROUP BY model, line
HAVING cents != 0 OR credit != 0
ORDER BY model, line
