-- What takes money back, and what became of it.

-- What takes money back is said by the catalogue in force; where none was ever applied, what the one that ships says. A part
-- (order_refunded.partial) does so as its whole, unless it has an entry of its own.
--
-- It takes back from the conversions of the same profile that name the same order; where these are several (a lead and a
-- purchase), there is a line for each. As one by one nothing is taken back but by the order as a whole, so is what became of
-- it, and gross - net is what all of them have taken:
--   taken             all of it; without an amount: all that was left
--   taken in part     more was to be taken than the sale had left
--   together in part  the same of several refunds of one sale: which of them had no place is not told apart
--   nothing to take   the sale has no value, or one below zero that only a refund without an amount ends
--   no rate           it is in another currency than the conversion, and the day of the sale has no rate
--   no sale           nobody has bought that order, or not this profile, or it is no conversion any more
--   no order          it names none
--   beyond horizon    it came too late: the profile keeps newer events only
--   not taken         the profile does not keep all that the sale depends on, so that it stays as it was said; or workers
--                     have not come to it yet, or go by other rates
-- Rates are those of exchange_rates. Workers sum up amounts in another currency exactly, and round what was sold and what is left
-- once each; here they are compared with half a minor unit to spare, and what has gone with a whole one.
CREATE OR REPLACE VIEW $database.refunds $on_cluster AS
WITH
    ifNull((SELECT argMax(catalogue, applied_at) FROM $database.catalogues_log), '') AS rules,
    if(rules = '', ['order_refunded', 'order_cancelled', 'store_return'], JSONExtract(rules, 'refunds', 'Array(String)')) AS backs,
    (SELECT groupArray(toString(name)) FROM $database.catalogue_touchpoints) AS loaded,
    if(rules = '', arrayConcat(loaded, backs), JSONExtractKeys(rules, 'touchpoints')) AS names,
    ifNull((SELECT argMax(toString(reporting), version) FROM $database.rates_log WHERE currency = ''), '') AS counted_in,
    taking AS
    (
        SELECT touchpoint
        FROM
        (
            SELECT touchpoint, splitByChar('.', toString(touchpoint)) AS pieces
            FROM (SELECT DISTINCT touchpoint FROM $database.touchpoints_log)
        )
        WHERE has(backs, arrayFirst(
            one -> has(names, one),
            arrayMap(length -> arrayStringConcat(arraySlice(pieces, 1, length), '.'), reverse(range(1, length(pieces) + 1)))))
    )
SELECT
    event_id, occurred_at, source, touchpoint, order_id, amount, currency, profile_id,
    conversion_id, conversion, gross, net, conversion_currency, outcome,
    multiIf(
        isNull(conversion_id), 0,
        isNotNull(alone) AND (alone = 0 OR open > 0 OR told = gross - net), alone,
        open = 1 OR (open = 0 AND shares = 1), gross - net - if(open = 1, told, 0),
        NULL) AS taken
FROM
(
    SELECT
        *,
        -- What it has taken, as far as it says so itself; NULL: the sale's others must be asked.
        multiIf(
            outcome NOT IN ('taken', 'taken in part', 'together in part'), toDecimal128(0, 4),
            outcome = 'taken' AND isNotNull(amount) AND currency = conversion_currency, toDecimal128(abs(amount), 4),
            NULL) AS alone,
        countIf(isNull(alone)) OVER sale AS open,
        countIf(alone != 0) OVER sale AS shares,
        sum(ifNull(alone, 0)) OVER sale AS told
    FROM
    (
        SELECT
            *,
            -- Of the sale, in minor units of its currency.
            toFloat64(gross - net) * intExp10(digits) AS went,
            toFloat64(gross) * intExp10(digits) AS had,
            countIf(isNull(amount) AND NOT beyond) OVER sale AS wholes,
            countIf(worth != 0 AND NOT beyond) OVER sale AS parts,
            countIf(isNull(worth) AND isNotNull(amount) AND NOT beyond) OVER sale AS strangers,
            sumIf(ifNull(worth, 0), NOT beyond) OVER sale AS asked,
            maxIf(currency != conversion_currency, isNotNull(worth) AND NOT beyond) OVER sale AS mixed,
            if(mixed, 0.500001, 0.000001) AS spare,
            multiIf(
                isNull(order_id), 'no order',
                isNull(conversion_id), 'no sale',
                isNull(conversion_currency) OR gross = 0 OR (gross < 0 AND isNotNull(amount)), 'nothing to take',
                beyond, 'beyond horizon',
                isNull(amount), if(net = 0, 'taken', 'not taken'),
                amount = 0, 'taken',
                isNull(worth), if((wholes > 0 AND net = 0) OR went > asked + 1.000001, 'taken', 'no rate'),
                asked > had + spare AND net = 0, if(parts = 1, 'taken in part', 'together in part'),
                (wholes > 0 AND net = 0) OR asked <= went + spare + if(conversion_currency = counted_in, 1, 0), 'taken',
                went < 0.5, 'not taken',
                parts = 1, 'taken in part', 'together in part') AS outcome
        FROM
        (
            SELECT
                p.*,
                multiIf(
                    isNull(p.amount) OR isNull(p.conversion_id), NULL,
                    p.currency = p.conversion_currency, toFloat64(abs(p.amount)) * intExp10(p.digits),
                    x.reporting = p.conversion_currency,
                        toFloat64(abs(p.amount)) * toFloat64(x.numerator) / toFloat64(x.denominator) * intExp10(p.digits),
                    NULL) AS worth
            FROM
            (
                SELECT
                    r.event_id AS event_id, r.occurred_at AS occurred_at, toString(r.source) AS source,
                    toString(r.touchpoint) AS touchpoint, r.order_id AS order_id, r.amount AS amount,
                    CAST(r.currency, 'Nullable(String)') AS currency, ifNull(r.currency, '') AS code, r.profile_id AS profile_id,
                    r.beyond_horizon AS beyond,
                    c.conversion_id AS conversion_id, c.conversion AS conversion, c.gross AS gross, c.net AS net,
                    c.currency AS conversion_currency, ifNull(c.minor_digits, 0) AS digits, c.sold_on AS sold_on
                FROM
                (
                    SELECT
                        toNullable(conversion_id) AS conversion_id, toNullable(toString(conversion)) AS conversion,
                        toNullable(profile_id) AS profile_id, order_id, toNullable(gross) AS gross, toNullable(net) AS net,
                        CAST(currency, 'Nullable(String)') AS currency, toNullable(minor_digits) AS minor_digits, toDate32(occurred_at) AS sold_on
                    FROM $database.conversions
                    WHERE isNotNull(order_id)
                ) AS c
                RIGHT JOIN
                (
                    SELECT event_id, occurred_at, source, touchpoint, order_id, amount, currency, profile_id, beyond_horizon
                    FROM $database.touchpoints
                    WHERE touchpoint IN (taking)
                ) AS r ON c.order_id = r.order_id AND c.profile_id = r.profile_id
            ) AS p
            ASOF LEFT JOIN $database.exchange_rates AS x ON x.currency = p.code AND x.day <= p.sold_on
        )
        WINDOW sale AS (PARTITION BY order_id, conversion_id)
    )
    WINDOW sale AS (PARTITION BY order_id, conversion_id)
)
SETTINGS join_use_nulls = 0
COMMENT 'What takes money back, and what became of it; of an order with several conversions a line for each of them';

ALTER TABLE $database.refunds $on_cluster
    COMMENT COLUMN event_id 'the touchpoint that takes money back',
    COMMENT COLUMN occurred_at 'its time',
    COMMENT COLUMN source 'who sent it',
    COMMENT COLUMN touchpoint 'what it is: order_refunded, store_return, or a part of one',
    COMMENT COLUMN order_id 'the order that it names; NULL: none',
    COMMENT COLUMN amount 'as sent; NULL: all of the order',
    COMMENT COLUMN currency 'of amount, as sent; NULL: there is no amount',
    COMMENT COLUMN profile_id 'whose it is; NULL: of nobody',
    COMMENT COLUMN conversion_id 'of the same profile and order; NULL: there is none',
    COMMENT COLUMN conversion 'its name in the catalogue; NULL: there is none',
    COMMENT COLUMN gross 'of the conversion, as sold; NULL: there is none',
    COMMENT COLUMN net 'what all refunds have left of gross; NULL: there is no conversion',
    COMMENT COLUMN conversion_currency 'of gross, net and taken; NULL: no conversion, or one without a value',
    COMMENT COLUMN outcome 'taken, taken in part, together in part, nothing to take, no rate, no sale, no order, beyond horizon, not taken',
    COMMENT COLUMN taken 'of gross; where no line of a conversion is NULL, they sum to gross - net; NULL: not told apart from others';
