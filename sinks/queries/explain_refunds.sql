-- What takes money back from a conversion, and what names its order and takes back from none.
SELECT event_id, occurred_at, source, touchpoint, amount, ifNull(currency, ''), outcome, taken
FROM $database.refunds
WHERE order_id = {order:String} AND (conversion_id = {conversion_id:UUID} OR isNull(conversion_id))
ORDER BY occurred_at, event_id
