SELECT name, checksum FROM $database.migrations_log FINAL ORDER BY name
