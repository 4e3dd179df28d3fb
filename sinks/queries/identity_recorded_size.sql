-- How many touchpoints there are of a stretch of event time.
SELECT count()
FROM $database.collected_log FINAL
WHERE toUnixTimestamp64Micro(parseDateTime64BestEffortOrZero(JSONExtractString(value, 'occurred_at'), 6, 'UTC'))
    BETWEEN {since:Int64} AND {until:Int64}
