-- Atomic is said, because an engine embedded in a process would otherwise choose another kind of database.
CREATE DATABASE IF NOT EXISTS $database $on_cluster ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS $database.migrations_log $on_cluster
(
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY name;
