-- Where moves have landed so far, by partition: the life of the broker, and the offset in it, as one number.
SELECT kafka_partition, max(bitShiftLeft(toUInt64(epoch), 48) + kafka_offset)
FROM $database.placements_log
GROUP BY kafka_partition
