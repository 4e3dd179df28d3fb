-- Spend in the currency that sales are counted in: by the rates of the catalogue in force, so that a channel that is billed in
-- another currency has one return on spend. What was imported stays as it was billed; another table of rates holds at once.

-- A row for each currency, and one without days for the table as a whole, also where there are no rates. Rates are fractions,
-- numerator / denominator units of the reporting currency for 1 of `currency`, so that nothing is rounded but the result.
CREATE TABLE IF NOT EXISTS $database.rates_log $on_cluster
(
    currency LowCardinality(String) COMMENT 'empty: the table as a whole',
    reporting LowCardinality(String) COMMENT 'empty: there is no reporting currency',
    minor_digits UInt8 COMMENT 'of the reporting currency',
    days Array(Date32) COMMENT 'in order; each since when its rate holds',
    numerators Array(Int256) CODEC(ZSTD(1)),
    denominators Array(Int256) CODEC(ZSTD(1)),
    digest String COMMENT 'of the reporting currency and all rates',
    version UInt64 COMMENT 'the load; a currency that the newest load does not have is gone'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY currency
COMMENT 'Behind exchange_rates: read the view';

CREATE OR REPLACE VIEW $database.exchange_rates $on_cluster AS
SELECT
    toString(currency) AS currency, day, toString(reporting) AS reporting, toFloat64(numerator) / toFloat64(denominator) AS rate,
    numerator, denominator, minor_digits
FROM $database.rates_log FINAL
ARRAY JOIN days AS day, numerators AS numerator, denominators AS denominator
WHERE version = (SELECT max(version) FROM $database.rates_log)
ORDER BY currency, day
COMMENT 'Exchange rates into the reporting currency, of the catalogue in force';

-- Each line by itself, as a sale: at the newest rate on or before its day, exactly, and rounded once to the minor unit, half to
-- even. Where there is no such rate, or more minor units than can be counted, it stays as it was billed.
-- A Decimal of 4 digits times 10,000 is whole; 256 bits hold the greatest amount times the greatest rate.
CREATE OR REPLACE VIEW $database.costs $on_cluster AS
SELECT
    source, day, channel, nullIf(campaign, '') AS campaign, currency, cost, impressions, clicks,
    if(is_converted, sign(cost) * toDecimal128(toInt128(minor), 4) / intExp10(minor_digits), cost) AS spend,
    if(is_converted, reporting, toString(currency)) AS spend_currency
FROM
(
    SELECT
        c.*, r.reporting AS reporting, r.minor_digits AS minor_digits,
        toInt256(abs(c.cost) * 10000) * r.numerator * intExp10(r.minor_digits) AS dividend,
        greatest(r.denominator, toInt256(1)) * 10000 AS divisor,
        r.currency != '' AND dividend <= divisor * 999999999999999999 AS is_converted,
        intDiv(dividend, divisor) AS whole,
        2 * (dividend - whole * divisor) AS twice_the_rest,
        whole + (twice_the_rest > divisor OR (twice_the_rest = divisor AND whole % 2 = 1)) AS minor
    FROM
    (
        SELECT source, day, channel, campaign, currency, cost, impressions, clicks
        FROM $database.costs_log FINAL
        WHERE (source, day, batch) IN (SELECT source, day, batch FROM $database.cost_days_log FINAL)
    ) AS c
    ASOF LEFT JOIN
    (
        SELECT * FROM $database.exchange_rates WHERE currency IN (SELECT currency FROM $database.costs_log)
    ) AS r ON r.currency = c.currency AND r.day <= c.day
    SETTINGS join_use_nulls = 0
)
COMMENT 'Imported spend, line by line: as it was billed, and in the reporting currency';

-- Over all sources. impressions and clicks are NULL where nobody counted them.
CREATE OR REPLACE VIEW $database.spend_by_day $on_cluster AS
SELECT
    c.day AS day, c.channel AS channel, c.campaign AS campaign, c.spend_currency AS currency,
    sum(c.spend) AS spend, sum(c.impressions) AS impressions, sum(c.clicks) AS clicks
FROM $database.costs AS c
GROUP BY day, channel, campaign, currency
ORDER BY day, channel, campaign, currency
COMMENT 'Spend of each day, channel and campaign, in the reporting currency';

ALTER TABLE $database.exchange_rates $on_cluster
    COMMENT COLUMN currency 'ISO 4217',
    COMMENT COLUMN day 'first day that the rate holds; it does until the next',
    COMMENT COLUMN reporting 'the catalogue''s reporting currency',
    COMMENT COLUMN rate 'units of the reporting currency for 1 of currency; what is counted by is numerator / denominator',
    COMMENT COLUMN numerator 'of the exact rate',
    COMMENT COLUMN denominator 'of the exact rate',
    COMMENT COLUMN minor_digits 'digits of the reporting currency''s minor unit, to which the result is rounded';

ALTER TABLE $database.costs $on_cluster
    COMMENT COLUMN source 'whose import; a later one replaces its days',
    COMMENT COLUMN day 'on which the money was spent, as the file says',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN campaign 'NULL: the channel as a whole',
    COMMENT COLUMN currency 'as billed',
    COMMENT COLUMN cost 'as billed',
    COMMENT COLUMN impressions 'NULL: not told',
    COMMENT COLUMN clicks 'NULL: not told',
    COMMENT COLUMN spend 'cost in spend_currency, by the rate of the day',
    COMMENT COLUMN spend_currency 'reporting currency; as billed where there is none, or no rate on the day';

ALTER TABLE $database.spend_by_day $on_cluster
    COMMENT COLUMN day 'on which the money was spent, as the file says',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN campaign 'NULL: the channel as a whole',
    COMMENT COLUMN currency 'reporting currency; as billed where there is none, or no rate on the day',
    COMMENT COLUMN spend 'of all sources, by the rate of the day',
    COMMENT COLUMN impressions 'NULL: not told',
    COMMENT COLUMN clicks 'NULL: not told';
