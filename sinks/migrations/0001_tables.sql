-- The tables that records land in.
--
-- $database is our own database, $on_cluster is empty or `ON CLUSTER name`, $replicated is empty or `Replicated`.
-- Every table replaces by its ORDER BY key: of rows with one key the highest version stays, so that a batch that
-- comes twice, or late, changes nothing. Merges do that at some later time, so nobody reads these tables: the
-- views of 0002 read over FINAL. No table is partitioned: a copy of a row in another partition would never be replaced.
--
-- version is 64 bits: the epoch (ordinal of the broker cluster) in the highest 12, then a revision, or the
-- record's place counted backwards so that the first landing wins. `sinks/versions.py` makes it.

CREATE TABLE IF NOT EXISTS $database.collected_log $on_cluster
(
    event_id UUID,
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    key String CODEC(ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)) COMMENT 'Kafka record timestamp: the time of ingest',
    value String CODEC(ZSTD(3)),
    version UInt64 COMMENT 'the first landing, in the first epoch, wins: a replay keeps the first order'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY event_id
COMMENT 'Every accepted touchpoint exactly as it was accepted; the source of a replay';

CREATE TABLE IF NOT EXISTS $database.touchpoints_log $on_cluster
(
    event_id UUID,
    profile_id Nullable(UUID),
    source LowCardinality(String),
    touchpoint LowCardinality(String),
    channel LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC'),
    campaign LowCardinality(Nullable(String)),
    campaign_source LowCardinality(Nullable(String)),
    campaign_medium LowCardinality(Nullable(String)),
    campaign_term Nullable(String),
    campaign_content Nullable(String),
    order_id Nullable(String),
    amount Nullable(Decimal(38, 4)),
    currency LowCardinality(Nullable(String)),
    name Nullable(String),
    `identifiers.kind` Array(LowCardinality(String)),
    `identifiers.value` Array(String),
    body_kind LowCardinality(String),
    body String CODEC(ZSTD(1)) COMMENT 'JSON',
    `items.product` Array(String),
    `items.category` Array(Nullable(String)),
    `items.quantity` Array(Decimal(38, 18)),
    `items.value` Array(Nullable(Decimal(38, 18))),
    properties String CODEC(ZSTD(1)) COMMENT 'JSON',
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64,
    INDEX by_time occurred_at TYPE minmax GRANULARITY 1,
    INDEX by_profile profile_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_order order_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY event_id;

CREATE TABLE IF NOT EXISTS $database.journeys_log $on_cluster
(
    journey_id UUID,
    profile_id UUID,
    revision UInt64,
    withdrawn Bool,
    status LowCardinality(String),
    opening_event UUID,
    opened_at DateTime64(6, 'UTC'),
    last_at DateTime64(6, 'UTC'),
    converted_at Nullable(DateTime64(6, 'UTC')),
    closing_conversion Nullable(UUID),
    touchpoints UInt64,
    touches UInt64,
    visits UInt64,
    conversions UInt64,
    channels Array(LowCardinality(String)),
    first_touchpoint LowCardinality(String),
    last_touchpoint LowCardinality(String),
    recorded_at DateTime64(6, 'UTC'),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64,
    INDEX by_profile profile_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY journey_id;

CREATE TABLE IF NOT EXISTS $database.conversions_log $on_cluster
(
    conversion_id UUID,
    profile_id UUID,
    journey_id UUID,
    revision UInt64,
    withdrawn Bool,
    conversion LowCardinality(String),
    closing Bool,
    occurred_at DateTime64(6, 'UTC'),
    touchpoint LowCardinality(String),
    channel LowCardinality(String),
    source LowCardinality(String),
    order_id Nullable(String),
    currency LowCardinality(Nullable(String)),
    minor_digits UInt8,
    gross_minor Int64,
    net_minor Int64,
    gross Decimal(38, 4),
    net Decimal(38, 4),
    `path.touchpoint_id` Array(UUID),
    `path.touched_at` Array(DateTime64(6, 'UTC')),
    `path.touchpoint` Array(LowCardinality(String)),
    `path.channel` Array(LowCardinality(String)),
    `path.campaign` Array(Nullable(String)),
    recorded_at DateTime64(6, 'UTC'),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64,
    INDEX by_profile profile_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_time occurred_at TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY conversion_id;

-- An entry's conversion follows from its id, so both may stand in the key, and a conversion's entries lie together.
CREATE TABLE IF NOT EXISTS $database.credits_log $on_cluster
(
    entry_id UUID,
    conversion_id UUID,
    profile_id UUID,
    conversion LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') COMMENT 'time of the conversion',
    cause LowCardinality(String),
    model LowCardinality(String),
    revision UInt64,
    sign Int8,
    touchpoint_id Nullable(UUID) COMMENT 'NULL: the unattributed line',
    touchpoint LowCardinality(Nullable(String)),
    channel LowCardinality(Nullable(String)),
    campaign LowCardinality(Nullable(String)),
    touched_at Nullable(DateTime64(6, 'UTC')),
    credit Decimal(18, 9),
    currency LowCardinality(Nullable(String)),
    minor_digits UInt8,
    value_minor Int64,
    value Decimal(38, 4),
    recorded_at DateTime64(6, 'UTC'),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (conversion_id, entry_id);

CREATE TABLE IF NOT EXISTS $database.marks_log $on_cluster
(
    event_id UUID,
    profile_id UUID,
    mark LowCardinality(String),
    recorded_at DateTime64(6, 'UTC'),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (event_id, mark);

CREATE TABLE IF NOT EXISTS $database.quarantine_log $on_cluster
(
    quarantine_id UUID,
    source LowCardinality(String),
    door String,
    reason String,
    raw String CODEC(ZSTD(3)),
    encoding LowCardinality(String),
    received_at DateTime64(6, 'UTC'),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY quarantine_id;

CREATE TABLE IF NOT EXISTS $database.catalogue_log $on_cluster
(
    name String,
    label String,
    phase LowCardinality(String),
    phase_position UInt16,
    channel LowCardinality(String),
    department LowCardinality(String),
    credit Bool COMMENT 'may earn credit, by itself or through its visit',
    inactivity_days UInt32 COMMENT 'of the whole catalogue: a journey without a touch for so long is idle',
    version UInt64 COMMENT 'the load; a touchpoint that the newest load does not have is gone'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY name;

-- Where the sink stands: every record of (cluster, topic, partition) before next_offset is in the tables above.
CREATE TABLE IF NOT EXISTS $database.positions_log $on_cluster
(
    cluster_id String,
    topic LowCardinality(String),
    partition UInt32,
    next_offset UInt64,
    version UInt64 COMMENT 'counts the writes: a position may go back, when a topic was made anew',
    written_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (cluster_id, topic, partition);

-- The broker clusters that were ever read, in the order they were met.
CREATE TABLE IF NOT EXISTS $database.clusters_log $on_cluster
(
    cluster_id String,
    epoch UInt16,
    version UInt64 COMMENT 'the lower epoch wins: who came first has named it',
    met_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY cluster_id;
