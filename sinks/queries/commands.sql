-- Everything that people decided in the lives of the broker before this one, in the order in which it came first.
SELECT key, value, toUnixTimestamp64Milli(recorded_at)
FROM $database.commands_log FINAL
WHERE epoch < {epoch:UInt16}
ORDER BY epoch, kafka_partition, kafka_offset
