-- Order numbers of conversions that contain what was typed, whatever the case.
SELECT DISTINCT assumeNotNull(order_id)
FROM $database.conversions_log FINAL
WHERE positionCaseInsensitiveUTF8(ifNull(order_id, ''), {order:String}) > 0
ORDER BY 1
LIMIT 3
