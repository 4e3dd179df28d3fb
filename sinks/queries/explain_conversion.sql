-- A conversion by the id of its event, or all of an order; also one that was withdrawn. It was erased if an erasure is the
-- last word on it: after that a copy of its event may have come, and begun anew.
SELECT
    conversion_id, profile_id, journey_id, revision, withdrawn, conversion, closing, occurred_at, touchpoint, channel, source,
    ifNull(order_id, ''), ifNull(currency, ''), minor_digits, gross, net, recorded_at, verified,
    withdrawn AND conversion_id IN
    (
        SELECT conversion_id
        FROM $database.credits_log
        WHERE conversion_id IN {ids:Array(UUID)}
            OR ({order:String} != '' AND conversion_id IN (
                SELECT conversion_id FROM $database.conversions_log WHERE order_id = {order:String}))
        GROUP BY conversion_id
        HAVING argMax(cause, (epoch, revision)) = 'erasure'
    )
FROM $database.conversions_log FINAL
WHERE conversion_id IN {ids:Array(UUID)} OR ({order:String} != '' AND order_id = {order:String})
ORDER BY withdrawn, occurred_at, conversion_id
LIMIT 20
