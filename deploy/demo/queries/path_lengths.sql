-- How many mailings stood before a basket, within its look-back window.
SELECT length(path.touchpoint) AS touches, count() AS conversions, sum(net) AS revenue
FROM conversions
WHERE source = 'retail-year'
GROUP BY touches
ORDER BY touches
