-- Spend per day, channel and campaign. An import writes the lines of a day under an id made of their content (batch), then
-- says in cost_days_log that this is the day now. So a day changes from one import to the next in one step, also
-- where the next has fewer campaigns; lines that no day names are not seen.

CREATE TABLE IF NOT EXISTS $database.costs_log $on_cluster
(
    source LowCardinality(String),
    day Date32,
    batch UUID,
    channel LowCardinality(String),
    campaign String COMMENT 'empty: the channel as a whole',
    currency LowCardinality(String),
    cost Decimal(38, 4),
    impressions Nullable(UInt64),
    clicks Nullable(UInt64)
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (source, day, batch, channel, campaign, currency);

CREATE TABLE IF NOT EXISTS $database.cost_days_log $on_cluster
(
    source LowCardinality(String),
    day Date32,
    batch UUID,
    version UInt64 COMMENT 'counts the imports that changed the day',
    imported_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (source, day);

CREATE OR REPLACE VIEW $database.costs $on_cluster AS
SELECT source, day, channel, nullIf(campaign, '') AS campaign, currency, cost, impressions, clicks
FROM $database.costs_log FINAL
WHERE (source, day, batch) IN (SELECT source, day, batch FROM $database.cost_days_log FINAL);

-- Over all sources. impressions and clicks are NULL where nobody counted them.
CREATE OR REPLACE VIEW $database.spend_by_day $on_cluster AS
SELECT
    c.day AS day, c.channel AS channel, c.campaign AS campaign, c.currency AS currency,
    sum(c.cost) AS spend, sum(c.impressions) AS impressions, sum(c.clicks) AS clicks
FROM $database.costs AS c
GROUP BY day, channel, campaign, currency
ORDER BY day, channel, campaign, currency;
