-- Spend beside what it earned, from millions of conversions: spend is summed before it stands beside each model and
-- conversion.

-- day is that of the touch that earned, since that is when the money was spent; what no touch earned by name is left out. Spend
-- stands once for each model and conversion: sum it over channels and days, never over models or conversions. A conversion without a value
-- has no currency: it counts in each currency that money was spent in. campaign is NULL for a channel as a whole.
CREATE OR REPLACE VIEW $database.roas_by_day $on_cluster AS
WITH
    (SELECT arraySort(groupUniqArray(spend_currency)) FROM $database.costs) AS spent_in,
    earned AS
    (
        SELECT
            toString(model) AS model, toString(conversion) AS conversion, toDate32(assumeNotNull(touched_at)) AS day,
            ifNull(toString(channel), '') AS channel, ifNull(toString(campaign), '') AS campaign,
            ifNull(toString(currency), '') AS of_currency, sum(value) AS revenue, sum(credit) AS conversions
        FROM $database.credits
        WHERE isNotNull(touchpoint_id)
        GROUP BY 1, 2, 3, 4, 5, 6
        HAVING revenue != 0 OR conversions != 0
    ),
    asked AS
    (
        SELECT model, conversion FROM $database.ledger_kinds
        UNION ALL
        SELECT '(ledger is empty)', '' WHERE (SELECT count() FROM $database.credits_log) = 0
    )
SELECT
    model, conversion, day, channel, nullIf(campaign, '') AS campaign, nullIf(currency, '') AS currency,
    sum(line.1) AS revenue, sum(line.2) AS conversions, sum(line.3) AS spend,
    if(spend <= 0, NULL, toFloat64(revenue) / toFloat64(spend)) AS roas,
    if(spend <= 0 OR conversions <= 0, NULL, toFloat64(spend) / toFloat64(conversions)) AS cost_per_conversion,
    toBool(max(line.4) = 1) AS spent
FROM
(
    SELECT
        model, conversion, day, channel, campaign,
        arrayJoin(if(of_currency = '' AND notEmpty(spent_in), spent_in, [of_currency])) AS currency,
        (toDecimal128(revenue, 4), toDecimal128(conversions, 9), toDecimal128(0, 4), 0) AS line
    FROM earned
    UNION ALL
    SELECT
        a.model, a.conversion, s.day, toString(s.channel), ifNull(s.campaign, ''), toString(s.currency),
        (toDecimal128(0, 4), toDecimal128(0, 9), toDecimal128(s.spend, 4), 1)
    FROM $database.spend_by_day AS s
    CROSS JOIN asked AS a
)
GROUP BY model, conversion, day, channel, campaign, currency
ORDER BY model, conversion, day, channel, campaign, currency
COMMENT 'Credited revenue and conversions beside imported spend, day by day';

-- roas and cost_per_conversion set the spend against what touches earned between its first and its last day: revenue from
-- before the spend was imported would flatter it. revenue and conversions are those of all time.
CREATE OR REPLACE VIEW $database.roas_by_campaign $on_cluster AS
WITH
    (SELECT arraySort(groupUniqArray(spend_currency)) FROM $database.costs) AS spent_in,
    spent AS
    (
        SELECT
            toString(s.channel) AS channel, ifNull(s.campaign, '') AS campaign, toString(s.currency) AS currency,
            sum(s.spend) AS spend, count() AS days, min(s.day) AS from_day, max(s.day) AS to_day
        FROM $database.spend_by_day AS s
        GROUP BY 1, 2, 3
    ),
    -- For each currency of a credit those that it counts in, in one pass over the spend.
    spans AS
    (
        SELECT channel, campaign, said.1 AS of_currency, said.2 AS currency, said.3 AS from_day, said.4 AS to_day
        FROM
        (
            SELECT
                channel, campaign, groupArray((currency, toNullable(from_day), toNullable(to_day))) AS known,
                arrayJoin(arrayConcat(
                    arrayMap(one -> (one.1, one.1, one.2, one.3), known),
                    arrayMap(of -> ('', of, known.2[indexOf(known.1, of)], known.3[indexOf(known.1, of)]), spent_in))) AS said
            FROM spent
            GROUP BY channel, campaign
        )
    ),
    earned AS
    (
        SELECT
            c.model AS model, c.conversion AS conversion, c.channel AS channel, c.campaign AS campaign,
            c.currency AS of_currency, s.currency AS spent_currency,
            sum(c.value) AS revenue, sum(c.credit) AS conversions,
            sumIf(c.value, ifNull(c.day BETWEEN s.from_day AND s.to_day, false)) AS revenue_in_days,
            sumIf(c.credit, ifNull(c.day BETWEEN s.from_day AND s.to_day, false)) AS conversions_in_days
        FROM
        (
            SELECT
                model, conversion, toDate32(assumeNotNull(touched_at)) AS day, ifNull(channel, '') AS channel,
                ifNull(campaign, '') AS campaign, ifNull(currency, '') AS currency, value, credit
            FROM $database.credits
            WHERE isNotNull(touchpoint_id)
        ) AS c
        LEFT JOIN spans AS s ON s.channel = c.channel AND s.campaign = c.campaign AND s.of_currency = c.currency
        GROUP BY 1, 2, 3, 4, 5, 6
        HAVING revenue != 0 OR conversions != 0
    ),
    asked AS
    (
        SELECT model, conversion FROM $database.ledger_kinds
        UNION ALL
        SELECT '(ledger is empty)', '' WHERE (SELECT count() FROM $database.credits_log) = 0
    )
SELECT
    model, conversion, channel, nullIf(campaign, '') AS campaign, nullIf(currency, '') AS currency,
    sum(line.1) AS revenue, sum(line.2) AS conversions, sum(line.3) AS spend,
    toUInt64(sum(line.6)) AS days, max(line.7) AS first_day, max(line.8) AS last_day,
    sum(line.4) AS revenue_in_days, sum(line.5) AS conversions_in_days,
    if(spend <= 0, NULL, toFloat64(revenue_in_days) / toFloat64(spend)) AS roas,
    if(spend <= 0 OR conversions_in_days <= 0, NULL, toFloat64(spend) / toFloat64(conversions_in_days)) AS cost_per_conversion
FROM
(
    SELECT
        toString(model) AS model, toString(conversion) AS conversion, toString(channel) AS channel, toString(campaign) AS campaign,
        arrayJoin(multiIf(
            notEmpty(spent_currency), [toString(spent_currency)], of_currency = '' AND notEmpty(spent_in), spent_in,
            [toString(of_currency)])) AS currency,
        (toDecimal128(revenue, 4), toDecimal128(conversions, 9), toDecimal128(0, 4),
            toDecimal128(revenue_in_days, 4), toDecimal128(conversions_in_days, 9), toUInt64(0),
            CAST(NULL, 'Nullable(Date32)'), CAST(NULL, 'Nullable(Date32)')) AS line
    FROM earned
    UNION ALL
    SELECT
        a.model, a.conversion, s.channel, s.campaign, s.currency,
        (toDecimal128(0, 4), toDecimal128(0, 9), toDecimal128(s.spend, 4),
            toDecimal128(0, 4), toDecimal128(0, 9), toUInt64(s.days), toNullable(s.from_day), toNullable(s.to_day))
    FROM spent AS s
    CROSS JOIN asked AS a
)
GROUP BY model, conversion, channel, campaign, currency
ORDER BY model, conversion, currency, spend DESC, revenue DESC, channel, campaign
COMMENT 'Return on spend and cost per conversion of each campaign';

CREATE OR REPLACE VIEW $database.roas_by_channel $on_cluster AS
WITH
    (SELECT arraySort(groupUniqArray(spend_currency)) FROM $database.costs) AS spent_in,
    spent AS
    (
        SELECT
            toString(s.channel) AS channel, toString(s.currency) AS currency,
            sum(s.spend) AS spend, uniqExact(s.day) AS days, min(s.day) AS from_day, max(s.day) AS to_day
        FROM $database.spend_by_day AS s
        GROUP BY 1, 2
    ),
    -- For each currency of a credit those that it counts in, in one pass over the spend.
    spans AS
    (
        SELECT channel, said.1 AS of_currency, said.2 AS currency, said.3 AS from_day, said.4 AS to_day
        FROM
        (
            SELECT
                channel, groupArray((currency, toNullable(from_day), toNullable(to_day))) AS known,
                arrayJoin(arrayConcat(
                    arrayMap(one -> (one.1, one.1, one.2, one.3), known),
                    arrayMap(of -> ('', of, known.2[indexOf(known.1, of)], known.3[indexOf(known.1, of)]), spent_in))) AS said
            FROM spent
            GROUP BY channel
        )
    ),
    earned AS
    (
        SELECT
            c.model AS model, c.conversion AS conversion, c.channel AS channel,
            c.currency AS of_currency, s.currency AS spent_currency,
            sum(c.value) AS revenue, sum(c.credit) AS conversions,
            sumIf(c.value, ifNull(c.day BETWEEN s.from_day AND s.to_day, false)) AS revenue_in_days,
            sumIf(c.credit, ifNull(c.day BETWEEN s.from_day AND s.to_day, false)) AS conversions_in_days
        FROM
        (
            SELECT
                model, conversion, toDate32(assumeNotNull(touched_at)) AS day, ifNull(channel, '') AS channel,
                ifNull(currency, '') AS currency, value, credit
            FROM $database.credits
            WHERE isNotNull(touchpoint_id)
        ) AS c
        LEFT JOIN spans AS s ON s.channel = c.channel AND s.of_currency = c.currency
        GROUP BY 1, 2, 3, 4, 5
        HAVING revenue != 0 OR conversions != 0
    ),
    asked AS
    (
        SELECT model, conversion FROM $database.ledger_kinds
        UNION ALL
        SELECT '(ledger is empty)', '' WHERE (SELECT count() FROM $database.credits_log) = 0
    )
SELECT
    model, conversion, channel, nullIf(currency, '') AS currency,
    sum(line.1) AS revenue, sum(line.2) AS conversions, sum(line.3) AS spend,
    toUInt64(sum(line.6)) AS days, max(line.7) AS first_day, max(line.8) AS last_day,
    sum(line.4) AS revenue_in_days, sum(line.5) AS conversions_in_days,
    if(spend <= 0, NULL, toFloat64(revenue_in_days) / toFloat64(spend)) AS roas,
    if(spend <= 0 OR conversions_in_days <= 0, NULL, toFloat64(spend) / toFloat64(conversions_in_days)) AS cost_per_conversion
FROM
(
    SELECT
        toString(model) AS model, toString(conversion) AS conversion, toString(channel) AS channel,
        arrayJoin(multiIf(
            notEmpty(spent_currency), [toString(spent_currency)], of_currency = '' AND notEmpty(spent_in), spent_in,
            [toString(of_currency)])) AS currency,
        (toDecimal128(revenue, 4), toDecimal128(conversions, 9), toDecimal128(0, 4),
            toDecimal128(revenue_in_days, 4), toDecimal128(conversions_in_days, 9), toUInt64(0),
            CAST(NULL, 'Nullable(Date32)'), CAST(NULL, 'Nullable(Date32)')) AS line
    FROM earned
    UNION ALL
    SELECT
        a.model, a.conversion, s.channel, s.currency,
        (toDecimal128(0, 4), toDecimal128(0, 9), toDecimal128(s.spend, 4),
            toDecimal128(0, 4), toDecimal128(0, 9), toUInt64(s.days), toNullable(s.from_day), toNullable(s.to_day))
    FROM spent AS s
    CROSS JOIN asked AS a
)
GROUP BY model, conversion, channel, currency
ORDER BY model, conversion, currency, spend DESC, revenue DESC, channel
COMMENT 'Return on spend and cost per conversion of each channel';

ALTER TABLE $database.roas_by_day $on_cluster
    COMMENT COLUMN model 'attribution model; spend stands once for each',
    COMMENT COLUMN conversion 'name of the conversion; spend stands once for each',
    COMMENT COLUMN day 'of the touch, UTC',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN campaign 'NULL: the channel as a whole, or none',
    COMMENT COLUMN currency 'of spend and revenue: the reporting currency, or its own where a rate is missing; NULL: no value and no spend',
    COMMENT COLUMN revenue 'credited, net',
    COMMENT COLUMN conversions 'credited',
    COMMENT COLUMN spend 'imported, by the rate of its day',
    COMMENT COLUMN roas 'revenue by spend; NULL: spend is not above 0',
    COMMENT COLUMN cost_per_conversion 'spend by conversions; NULL: spend or conversions not above 0',
    COMMENT COLUMN spent 'spend was imported for the day';

ALTER TABLE $database.roas_by_campaign $on_cluster
    COMMENT COLUMN model 'attribution model; spend stands once for each',
    COMMENT COLUMN conversion 'name of the conversion; spend stands once for each',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN campaign 'NULL: the channel as a whole, or none',
    COMMENT COLUMN currency 'of spend and revenue: the reporting currency, or its own where a rate is missing; NULL: no value and no spend',
    COMMENT COLUMN revenue 'credited, net, of all time',
    COMMENT COLUMN conversions 'credited, of all time',
    COMMENT COLUMN spend 'imported, by the rate of its day',
    COMMENT COLUMN days 'days with spend',
    COMMENT COLUMN first_day 'first day with spend; NULL: none',
    COMMENT COLUMN last_day 'last day with spend; NULL: none',
    COMMENT COLUMN revenue_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN conversions_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN roas 'revenue_in_days by spend; NULL: spend is not above 0',
    COMMENT COLUMN cost_per_conversion 'spend by conversions_in_days; NULL: spend or conversions not above 0';

ALTER TABLE $database.roas_by_channel $on_cluster
    COMMENT COLUMN model 'attribution model; spend stands once for each',
    COMMENT COLUMN conversion 'name of the conversion; spend stands once for each',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN currency 'of spend and revenue: the reporting currency, or its own where a rate is missing; NULL: no value and no spend',
    COMMENT COLUMN revenue 'credited, net, of all time',
    COMMENT COLUMN conversions 'credited, of all time',
    COMMENT COLUMN spend 'imported, by the rate of its day',
    COMMENT COLUMN days 'days with spend',
    COMMENT COLUMN first_day 'first day with spend; NULL: none',
    COMMENT COLUMN last_day 'last day with spend; NULL: none',
    COMMENT COLUMN revenue_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN conversions_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN roas 'revenue_in_days by spend; NULL: spend is not above 0',
    COMMENT COLUMN cost_per_conversion 'spend by conversions_in_days; NULL: spend or conversions not above 0';
