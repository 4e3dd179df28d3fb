-- A conversion by the id of its event, or all of an order; also one that was withdrawn.
SELECT
    conversion_id, profile_id, journey_id, revision, withdrawn, conversion, closing, occurred_at, touchpoint, channel, source,
    ifNull(order_id, ''), ifNull(currency, ''), minor_digits, gross, net, recorded_at, verified
FROM $database.conversions_log FINAL
WHERE conversion_id IN {ids:Array(UUID)} OR ({order:String} != '' AND order_id = {order:String})
ORDER BY withdrawn, occurred_at, conversion_id
LIMIT 20
