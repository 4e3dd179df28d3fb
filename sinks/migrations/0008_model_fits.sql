-- Every fit of a data-driven attribution model, with what it was learned from and how far it can be believed.

CREATE TABLE IF NOT EXISTS $database.model_fits_log $on_cluster
(
    fit_id UUID,
    model LowCardinality(String) COMMENT 'the name that it is applied under; of one name the newest published fit counts',
    kind LowCardinality(String) COMMENT 'markov or shapley',
    chain_order UInt8 COMMENT 'of the Markov chain; 0 for Shapley',
    level LowCardinality(String) COMMENT 'channel, campaign or touchpoint',
    fitted_at DateTime64(6, 'UTC'),
    since Nullable(DateTime64(6, 'UTC')) COMMENT 'begin of the data window; NULL: from the first on',
    until DateTime64(6, 'UTC') COMMENT 'end of the data window, not in it',
    wanted_conversions Array(LowCardinality(String)) COMMENT 'names; empty: all that close a journey',
    with_open Bool COMMENT 'journeys that were open at the end count as not converted',
    bootstrap UInt32 COMMENT 'draws that were asked for',
    seed UInt64,
    rate Float64 COMMENT 'observed conversion rate of journeys with a path',
    paths UInt64 COMMENT 'distinct ones',
    journeys UInt64,
    conversions UInt64 COMMENT 'with a path',
    pathless UInt64 COMMENT 'conversions without one: nothing is learned from them',
    coverage Float64 COMMENT 'conversions with a path, of all',
    one_touch Float64 COMMENT 'journeys with a single touch, of all',
    smallest_name String COMMENT 'the name on the fewest conversions\' paths',
    smallest_conversions UInt64,
    smallest_journeys UInt64,
    states UInt64 COMMENT 'of the Markov chain',
    condition Float64 COMMENT 'condition number of its equations, maximum norm',
    bound Float64 COMMENT 'how far an effect can be off by arithmetic',
    exact Bool COMMENT 'false: Shapley beyond 20 names is estimated, see the standard errors',
    permutations UInt32,
    below_zero Float64 COMMENT 'negative Shapley values that became a weight of 0, in parts of the positive ones',
    equally UInt64 COMMENT 'conversions none of whose names has a weight: shared equally',
    draws UInt32 COMMENT 'draws of the bootstrap that had a conversion',
    currency LowCardinality(Nullable(String)) COMMENT 'of the values',
    `weights.name` Array(String),
    `weights.weight` Array(Decimal(18, 9)),
    `weights.effect` Array(Float64),
    `weights.error` Array(Nullable(Float64)),
    `weights.low` Array(Nullable(Float64)),
    `weights.high` Array(Nullable(Float64)),
    `weights.own` Array(Float64),
    `weights.conversions` Array(Float64),
    `weights.value` Array(Float64),
    `weights.touched` Array(UInt64),
    `weights.journeys` Array(UInt64),
    record String CODEC(ZSTD(1)) COMMENT 'JSON, as Kafka gets it'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (model, fitted_at, fit_id);

-- When a fit was published, which may be more than once: an earlier fit can be put in force again.
CREATE TABLE IF NOT EXISTS $database.model_publications_log $on_cluster
(
    model LowCardinality(String),
    fit_id UUID,
    published_at DateTime64(6, 'UTC') COMMENT 'Kafka had acknowledged it then'
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (model, published_at, fit_id);

CREATE OR REPLACE VIEW $database.model_fits $on_cluster AS
SELECT
    f.fit_id AS fit_id, f.model AS model, f.kind AS kind, f.chain_order AS chain_order, f.level AS level,
    f.fitted_at AS fitted_at, if(p.times = 0, NULL, p.last) AS published_at,
    f.fit_id IN (
        SELECT argMax(fit_id, published_at) FROM $database.model_publications_log GROUP BY model) AS in_force,
    f.since AS since, f.until AS until, f.wanted_conversions AS wanted_conversions, f.with_open AS with_open,
    f.bootstrap AS bootstrap, f.seed AS seed,
    f.rate AS rate, f.paths AS paths, f.journeys AS journeys, f.conversions AS conversions, f.pathless AS pathless,
    f.coverage AS coverage, f.one_touch AS one_touch, f.smallest_name AS smallest_name,
    f.smallest_conversions AS smallest_conversions, f.smallest_journeys AS smallest_journeys,
    f.states AS states, f.condition AS condition, f.bound AS bound, f.exact AS exact, f.permutations AS permutations,
    f.below_zero AS below_zero, f.equally AS equally, f.draws AS draws, f.currency AS currency,
    length(f.weights.name) AS names
FROM $database.model_fits_log AS f FINAL
LEFT ANY JOIN
(
    SELECT fit_id, count() AS times, max(published_at) AS last FROM $database.model_publications_log GROUP BY fit_id
) AS p ON p.fit_id = f.fit_id
ORDER BY model, fitted_at DESC;

-- A line for each name of each fit. own_total is the model's own: weight times all conversions; conversions and value are
-- the sums of what each conversion gives when it is split by the weights on its path.
CREATE OR REPLACE VIEW $database.model_weights $on_cluster AS
SELECT
    f.model AS model, f.fitted_at AS fitted_at, f.fit_id AS fit_id,
    line.1 AS name, line.2 AS weight, line.3 AS effect, line.4 AS standard_error, line.5 AS low, line.6 AS high,
    line.7 AS own_total, line.8 AS conversions, line.9 AS value, f.currency AS currency,
    line.10 AS touched_conversions, line.11 AS touched_journeys
FROM $database.model_fits_log AS f FINAL
ARRAY JOIN arrayZip(
    f.weights.name, f.weights.weight, f.weights.effect, f.weights.error, f.weights.low, f.weights.high,
    f.weights.own, f.weights.conversions, f.weights.value, f.weights.touched, f.weights.journeys) AS line
ORDER BY model, fitted_at DESC, weight DESC, name;
