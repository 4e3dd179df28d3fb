-- Everything that was accepted in the lives of the broker before this one, in the order in which it was accepted first.
-- The sort spills to disk, so that memory stays bounded.
SELECT key, value, toUnixTimestamp64Milli(recorded_at)
FROM $database.collected_log FINAL
WHERE epoch < {epoch:UInt16}
ORDER BY epoch, kafka_partition, kafka_offset
SETTINGS max_bytes_before_external_sort = 200000000, max_bytes_ratio_before_external_sort = 0, max_block_size = 8192
