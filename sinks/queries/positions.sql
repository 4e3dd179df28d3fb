SELECT topic, partition, next_offset, version
FROM $database.positions_log FINAL
WHERE cluster_id = {cluster_id:String}
