-- The newest touchpoints of a stretch of event time, as they were accepted, with what people have decided on
-- identifiers; in the order in which they were accepted first. Decisions are all there: they hold for ever.
SELECT topic, key, value, toUnixTimestamp64Milli(recorded_at)
FROM
(
    SELECT {collected:String} AS topic, key, value, recorded_at, epoch, kafka_partition, kafka_offset
    FROM
    (
        SELECT
            key, value, recorded_at, epoch, kafka_partition, kafka_offset,
            parseDateTime64BestEffortOrZero(JSONExtractString(value, 'occurred_at'), 6, 'UTC') AS occurred_at
        FROM $database.collected_log FINAL
    )
    WHERE toUnixTimestamp64Micro(occurred_at) BETWEEN {since:Int64} AND {until:Int64}
    ORDER BY occurred_at DESC
    LIMIT {most:UInt64}
    UNION ALL
    SELECT {identity:String} AS topic, key, value, recorded_at, epoch, kafka_partition, kafka_offset
    FROM $database.commands_log FINAL
)
ORDER BY epoch, topic, kafka_partition, kafka_offset
SETTINGS max_bytes_before_external_sort = 200000000, max_bytes_ratio_before_external_sort = 0, max_block_size = 8192
