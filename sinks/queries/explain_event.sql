-- What is known of an event that is no conversion.
SELECT touchpoint, channel, occurred_at, isNull(profile_id), ifNull(order_id, '')
FROM $database.touchpoints_log FINAL
WHERE event_id = {event_id:UUID}
