-- A profile's conversions, the newest first.
SELECT
    occurred_at, conversion, channel, ifNull(order_id, ''), gross, net, ifNull(currency, ''), verified, conversion_id
FROM $database.conversions
WHERE profile_id = {profile_id:UUID}
ORDER BY occurred_at DESC, conversion_id
LIMIT {most:UInt64}
