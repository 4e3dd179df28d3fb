-- What the ledger says: is it whole, what was reported on a day, and what marketing asks of it. Money is in units of its
-- currency and never summed over two of them; times are UTC. Each view is right as it is read: over FINAL, without
-- withdrawn records, after merges, and in the newest life of the broker.

ALTER TABLE $database.catalogue_log $on_cluster
    ADD COLUMN IF NOT EXISTS ropo LowCardinality(String) DEFAULT ''
        COMMENT 'research: online, before a purchase in a branch; store_contact: the reverse; empty: neither' AFTER credit,
    ADD COLUMN IF NOT EXISTS purchase LowCardinality(String) DEFAULT ''
        COMMENT 'it reaches a conversion that closes a journey, here: store or web; empty: none' AFTER ropo,
    ADD COLUMN IF NOT EXISTS look_back_days UInt32 DEFAULT 30 COMMENT 'of the whole catalogue' AFTER inactivity_days,
    ADD COLUMN IF NOT EXISTS visit_gap_minutes UInt32 DEFAULT 30 COMMENT 'of the whole catalogue' AFTER look_back_days,
    ADD COLUMN IF NOT EXISTS models Array(String) DEFAULT []
        COMMENT 'of the whole catalogue: the models of the ledger; empty: loaded before this was written down'
        AFTER visit_gap_minutes;

CREATE OR REPLACE VIEW $database.catalogue_touchpoints $on_cluster AS
SELECT name, label, phase, phase_position, channel, department, credit, ropo, purchase
FROM $database.catalogue_log FINAL
WHERE version = (SELECT max(version) FROM $database.catalogue_log)
COMMENT 'The touchpoints of the newest catalogue';

-- ---- The ledger

-- Entries and their reversals: sums need no rule, as credit and value carry the sign. Where a new life of the broker began
-- without the workers' state, revisions begin anew: then what an older one posted of a conversion counts no more once the
-- newer one has posted of it. Where the state came along, revisions go on, and both count.
CREATE OR REPLACE VIEW $database.credits $on_cluster AS
SELECT
    entry_id, conversion_id, profile_id, conversion, occurred_at, cause, model, revision, sign,
    touchpoint_id, touchpoint, channel, campaign, touched_at,
    credit, currency, minor_digits, value_minor, value, recorded_at,
    multiIf(
        isNotNull(touchpoint_id), 'touch',
        isNull(touchpoint), 'unattributed',
        toString(assumeNotNull(touchpoint))) AS line
FROM $database.credits_log FINAL
WHERE (conversion_id, epoch) NOT IN
(
    SELECT
        conversion_id,
        arrayJoin(arrayFilter(old -> arrayExists(new -> new.1 > old.1 AND new.2 <= old.3, lives), lives)).1
    FROM
    (
        SELECT conversion_id, groupArray((epoch, first_revision, last_revision)) AS lives
        FROM
        (
            SELECT conversion_id, epoch, min(revision) AS first_revision, max(revision) AS last_revision
            FROM $database.credits_log FINAL
            WHERE (SELECT min(epoch) != max(epoch) FROM $database.credits_log)
            GROUP BY conversion_id, epoch
        )
        GROUP BY conversion_id
        HAVING length(lives) > 1
    )
)
COMMENT 'The ledger of attribution: entries and their reversals, each for good';

-- campaign and channel are NULL where a touch has none; attributed = false is what no touch earned by name: see line.
CREATE OR REPLACE VIEW $database.revenue_by_campaign_and_model $on_cluster AS
SELECT
    model, conversion, isNotNull(touchpoint_id) AS attributed, campaign, currency,
    sum(value) AS revenue, sum(credit) AS conversions, line
FROM $database.credits
GROUP BY model, conversion, attributed, line, campaign, currency
HAVING revenue != 0 OR conversions != 0
ORDER BY model, conversion, currency, revenue DESC, campaign, line
COMMENT 'Credited revenue and conversions by campaign and model';

CREATE OR REPLACE VIEW $database.revenue_by_channel_and_model $on_cluster AS
SELECT
    model, conversion, isNotNull(touchpoint_id) AS attributed, channel, currency,
    sum(value) AS revenue, sum(credit) AS conversions, line
FROM $database.credits
GROUP BY model, conversion, attributed, line, channel, currency
HAVING revenue != 0 OR conversions != 0
ORDER BY model, conversion, currency, revenue DESC, channel, line
COMMENT 'Credited revenue and conversions by channel and model';

-- Must be empty once the pipeline has settled. Per conversion and model the credit of all entries sums to 1 and the value
-- to the net revenue; for a withdrawn conversion both sum to 0. A model that the ledger knew when the conversion was last
-- recorded, and that has no entry of it, is a violation too, and so is an entry whose conversion nobody knows.
-- A model that the newest catalogue has no more, and that was never fitted, owes nothing: it must have given all or nothing.
CREATE OR REPLACE VIEW $database.attribution_violations $on_cluster AS
WITH
    in_force AS
    (
        SELECT arrayJoin(models) AS model FROM $database.catalogue_log FINAL
        WHERE version = (SELECT max(version) FROM $database.catalogue_log)
        UNION ALL
        SELECT toString(model) FROM $database.model_publications_log
    ),
    models AS
    (
        SELECT
            toString(c.model) AS model, min(c.recorded_at) AS known_from,
            toUInt8((SELECT max(notEmpty(models)) FROM $database.catalogue_log FINAL
                    WHERE version = (SELECT max(version) FROM $database.catalogue_log)) = 0
                OR toString(c.model) IN (SELECT model FROM in_force)) AS counts
        FROM $database.credits AS c
        GROUP BY c.model
        UNION ALL
        SELECT '(ledger is empty)', toDateTime64(0, 6, 'UTC'), 1 WHERE (SELECT count() FROM $database.credits_log) = 0
    ),
    lines AS
    (
        SELECT
            c.conversion_id AS conversion_id, m.model AS model, m.counts AS counts,
            1 AS is_known, toUInt8(m.counts = 1 AND c.recorded_at >= m.known_from) AS is_required, 0 AS is_posted,
            toDecimal128(if(c.withdrawn, 0, 1), 9) AS due_credit, if(c.withdrawn, 0, c.net_minor) AS due_minor,
            toDecimal128(0, 9) AS got_credit, toInt64(0) AS got_minor
        FROM (SELECT conversion_id, withdrawn, net_minor, recorded_at FROM $database.conversions_log FINAL) AS c
        CROSS JOIN models AS m
        UNION ALL
        SELECT
            conversion_id, toString(model), 0, 0, 0, 1,
            toDecimal128(0, 9), toInt64(0), toDecimal128(sum(credit), 9), toInt64(sum(value_minor))
        FROM $database.credits
        GROUP BY conversion_id, model
    )
SELECT
    conversion_id, model,
    max(is_known) = 1 AS conversion_known, max(is_posted) = 1 AS in_ledger,
    sum(due_credit) AS credit_due, sum(got_credit) AS credit_posted,
    sum(due_minor) AS value_minor_due, sum(got_minor) AS value_minor_posted
FROM lines
GROUP BY conversion_id, model
HAVING (in_ledger OR (max(is_required) = 1 AND credit_due != 0))
    AND (credit_due != credit_posted OR value_minor_due != value_minor_posted)
    AND NOT (conversion_known AND max(counts) = 0 AND credit_posted IN (0, credit_due))
ORDER BY conversion_id, model
COMMENT 'Conversions whose ledger is not whole; must be empty';

-- What was reported on a day: SELECT * FROM credits_as_of(as_of = '2026-03-01 08:00:00'). An entry is recorded when what
-- caused it arrived, so that a ledger made anew answers the same. Postings of a conversion stand one on the other: of two
-- causes that were worked off in another order than they had arrived in, the later one waits for the earlier posting, so
-- that the books balance at every moment.
CREATE OR REPLACE VIEW $database.credits_as_of $on_cluster AS
SELECT
    c.entry_id AS entry_id, c.conversion_id AS conversion_id, c.profile_id AS profile_id, c.conversion AS conversion,
    c.occurred_at AS occurred_at, c.cause AS cause, c.model AS model, c.revision AS revision, c.sign AS sign,
    c.line AS line, c.touchpoint_id AS touchpoint_id, c.touchpoint AS touchpoint, c.channel AS channel,
    c.campaign AS campaign, c.touched_at AS touched_at, c.credit AS credit, c.currency AS currency,
    c.minor_digits AS minor_digits, c.value_minor AS value_minor, c.value AS value, c.recorded_at AS recorded_at
FROM $database.credits AS c
LEFT ANY JOIN
(
    SELECT conversion_id, min(revision) AS revision
    FROM $database.credits
    WHERE recorded_at > {as_of:DateTime64(6, 'UTC')}
    GROUP BY conversion_id
) AS to_come ON to_come.conversion_id = c.conversion_id
WHERE c.recorded_at <= {as_of:DateTime64(6, 'UTC')} AND (to_come.revision = 0 OR c.revision < to_come.revision)
COMMENT 'The ledger as it was at as_of';

CREATE OR REPLACE VIEW $database.revenue_as_of $on_cluster AS
SELECT
    model, conversion, line, channel, campaign, currency, sum(value) AS revenue, sum(credit) AS conversions
FROM $database.credits_as_of(as_of = {as_of:DateTime64(6, 'UTC')})
GROUP BY model, conversion, line, channel, campaign, currency
HAVING revenue != 0 OR conversions != 0
ORDER BY model, conversion, currency, revenue DESC, channel, campaign, line
COMMENT 'Revenue and conversions by channel, campaign and model as they were reported at as_of';

-- ---- Paths

-- A channel assists where it stands on the path and the last touch is another channel's. Conversions of two channels overlap:
-- only last_touch adds up to all.
CREATE OR REPLACE VIEW $database.assisted_conversions $on_cluster AS
SELECT
    conversion, channel, currency,
    count() AS conversions, countIf(NOT is_last) AS assisted, countIf(is_last) AS last_touch,
    sum(net) AS value, sumIf(net, NOT is_last) AS assisted_value, sumIf(net, is_last) AS last_touch_value,
    if(last_touch = 0, NULL, assisted / last_touch) AS assists_per_last_touch
FROM
(
    SELECT
        toString(conversion) AS conversion, currency, net,
        arrayJoin(arrayDistinct(path.channel)) AS channel, channel = path.channel[-1] AS is_last
    FROM $database.conversions
)
GROUP BY conversion, channel, currency
ORDER BY conversion, currency, assisted_value DESC, assisted DESC, channel
COMMENT 'Per channel: conversions that it helped and those that it closed';

-- What was met one after the other in one channel is one step here; conversion_paths has every touch.
CREATE OR REPLACE VIEW $database.top_paths $on_cluster AS
SELECT
    conversion, rank, path_text, steps, currency, conversions, revenue,
    conversions / all_conversions AS share, running / all_conversions AS running_share, median_days
FROM
(
    SELECT
        conversion, path_text, steps, currency, conversions, revenue, median_days,
        row_number() OVER ranked AS rank,
        sum(conversions) OVER (PARTITION BY conversion, currency) AS all_conversions,
        sum(conversions) OVER (ranked ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
    FROM
    (
        SELECT
            toString(conversion) AS conversion, currency, arrayCompact(path.channel) AS walked,
            if(empty(walked), '(no touch)', arrayStringConcat(walked, ' > ')) AS path_text, length(walked) AS steps,
            count() AS conversions, sum(net) AS revenue,
            if(empty(walked), NULL, quantileExact(0.5)(dateDiff('second', path.touched_at[1], occurred_at) / 86400)) AS median_days
        FROM $database.conversions
        GROUP BY conversion, currency, walked
    )
    WINDOW ranked AS (PARTITION BY conversion, currency ORDER BY conversions DESC, revenue DESC, path_text)
)
ORDER BY conversion, currency, rank
COMMENT 'Paths to conversion by channel, the most frequent first';

-- Items as they were sold: what was returned later is in them.
CREATE OR REPLACE VIEW $database.items_bought $on_cluster AS
SELECT
    conversion_id, conversion, occurred_at, profile_id, item.1 AS product, item.2 AS category, item.3 AS quantity, item.4 AS value,
    currency, channels, path_text
FROM
(
    SELECT
        c.conversion_id AS conversion_id, toString(c.conversion) AS conversion, c.occurred_at AS occurred_at,
        c.profile_id AS profile_id, t.currency AS currency,
        arrayDistinct(arrayMap(one -> toString(one), c.path.channel)) AS channels,
        if(empty(c.path.channel), '(no touch)', arrayStringConcat(arrayCompact(c.path.channel), ' > ')) AS path_text,
        arrayZip(t.items.product, t.items.category, t.items.quantity, t.items.value) AS items
    FROM
    (
        SELECT event_id, currency, `items.product`, `items.category`, `items.quantity`, `items.value`
        FROM $database.touchpoints_log FINAL
        WHERE notEmpty(`items.product`)
    ) AS t
    INNER JOIN $database.conversions AS c ON c.conversion_id = t.event_id
)
ARRAY JOIN items AS item
COMMENT 'Each line of each order or receipt that converted, with the path that led there';

-- conversions counts orders with the product, each once; those of two products overlap.
CREATE OR REPLACE VIEW $database.products_by_path $on_cluster AS
SELECT
    conversion, path_text, category, product, currency,
    uniqExact(conversion_id) AS conversions, sum(i.quantity) AS quantity, sum(i.value) AS value
FROM $database.items_bought AS i
GROUP BY conversion, path_text, category, product, currency
ORDER BY conversion, conversions DESC, value DESC, path_text, category, product
COMMENT 'What was bought at the end of which path, by product';

CREATE OR REPLACE VIEW $database.categories_by_path $on_cluster AS
SELECT
    conversion, path_text, category, currency,
    uniqExact(conversion_id) AS conversions, sum(i.quantity) AS quantity, sum(i.value) AS value
FROM $database.items_bought AS i
GROUP BY conversion, path_text, category, currency
ORDER BY conversion, conversions DESC, value DESC, path_text, category
COMMENT 'What was bought at the end of which path, by category';

-- A purchase counts for each channel on its path.
CREATE OR REPLACE VIEW $database.products_by_channel $on_cluster AS
SELECT
    conversion, arrayJoin(if(empty(channels), ['(no touch)'], channels)) AS channel, category, product, currency,
    uniqExact(conversion_id) AS conversions, sum(i.quantity) AS quantity, sum(i.value) AS value
FROM $database.items_bought AS i
GROUP BY conversion, channel, category, product, currency
ORDER BY conversion, channel, conversions DESC, value DESC, category, product
COMMENT 'What was bought after which channel, by product';

CREATE OR REPLACE VIEW $database.categories_by_channel $on_cluster AS
SELECT
    conversion, arrayJoin(if(empty(channels), ['(no touch)'], channels)) AS channel, category, currency,
    uniqExact(conversion_id) AS conversions, sum(i.quantity) AS quantity, sum(i.value) AS value
FROM $database.items_bought AS i
GROUP BY conversion, channel, category, currency
ORDER BY conversion, channel, conversions DESC, value DESC, category
COMMENT 'What was bought after which channel, by category';

-- From the first touch in the look-back window to the conversion. Figures of days leave out conversions without a touch.
CREATE OR REPLACE VIEW $database.time_to_conversion $on_cluster AS
SELECT
    conversion, count() AS conversions, countIf(touches > 0) AS with_touch,
    if(with_touch = 0, NULL, quantileExactInclusiveIf(0.5)(days, touches > 0)) AS median_days,
    if(with_touch = 0, NULL, quantileExactInclusiveIf(0.9)(days, touches > 0)) AS p90_days,
    quantileExactInclusive(0.5)(touches) AS median_touches, quantileExactInclusive(0.9)(touches) AS p90_touches,
    avg(touches) AS mean_touches
FROM
(
    SELECT
        toString(conversion) AS conversion, length(path.channel) AS touches,
        if(touches = 0, 0, dateDiff('microsecond', path.touched_at[1], occurred_at) / 86400000000) AS days
    FROM $database.conversions
)
GROUP BY conversion
ORDER BY conversion
COMMENT 'Days and touches to conversion';

CREATE OR REPLACE VIEW $database.conversions_by_days $on_cluster AS
SELECT
    conversion, days, conversions, conversions / sum(conversions) OVER (PARTITION BY conversion) AS share
FROM
(
    SELECT
        toString(conversion) AS conversion, intDiv(dateDiff('second', path.touched_at[1], occurred_at), 86400) AS days,
        count() AS conversions
    FROM $database.conversions
    WHERE notEmpty(path.channel)
    GROUP BY conversion, days
)
ORDER BY conversion, days
COMMENT 'How many conversions came so many whole days after their first touch';

CREATE OR REPLACE VIEW $database.conversions_by_touches $on_cluster AS
SELECT
    conversion, touches, conversions, conversions / sum(conversions) OVER (PARTITION BY conversion) AS share
FROM
(
    SELECT toString(conversion) AS conversion, length(path.channel) AS touches, count() AS conversions
    FROM $database.conversions
    GROUP BY conversion, touches
)
ORDER BY conversion, touches
COMMENT 'How many conversions had so many touches';

-- Each pair of channels stands there twice, once from each side: the shares are those of `channel`. Profiles are those whose
-- journeys have met both, whether they converted or not.
CREATE OR REPLACE VIEW $database.channel_overlap $on_cluster AS
SELECT
    channel, other, both_profiles AS profiles, channel_profiles, both_conversions AS conversions, channel_conversions,
    if(channel_profiles = 0, NULL, profiles / channel_profiles) AS profiles_share,
    if(channel_conversions = 0, NULL, conversions / channel_conversions) AS conversions_share
FROM
(
    SELECT
        channel, other, sum(with_profiles) AS both_profiles, sum(with_conversions) AS both_conversions,
        max(if(channel = other, both_profiles, 0)) OVER (PARTITION BY channel) AS channel_profiles,
        max(if(channel = other, both_conversions, 0)) OVER (PARTITION BY channel) AS channel_conversions
    FROM
    (
        SELECT pair.1 AS channel, pair.2 AS other, count() AS with_profiles, 0 AS with_conversions
        FROM
        (
            SELECT arrayMap(one -> toString(one), groupUniqArrayArray(channels)) AS met
            FROM $database.journeys
            GROUP BY profile_id
        )
        ARRAY JOIN arrayFlatten(arrayMap(a -> arrayMap(b -> (a, b), met), met)) AS pair
        GROUP BY channel, other
        UNION ALL
        SELECT pair.1, pair.2, 0, count()
        FROM (SELECT arrayMap(one -> toString(one), arrayDistinct(path.channel)) AS met FROM $database.conversions)
        ARRAY JOIN arrayFlatten(arrayMap(a -> arrayMap(b -> (a, b), met), met)) AS pair
        GROUP BY 1, 2
    )
    GROUP BY channel, other
)
WHERE channel != other
ORDER BY channel, profiles DESC, conversions DESC, other
COMMENT 'Customers and conversions that two channels have in common';

-- ---- Spend and what it earned

-- day is that of the touch that earned, since that is when the money was spent; what no touch earned by name is left out. Spend
-- stands once for each model and conversion: sum it over channels and days, never over models or conversions. A conversion without a value
-- has no currency: it counts in each currency that money was spent in. campaign is NULL for a channel as a whole.
CREATE OR REPLACE VIEW $database.roas_by_day $on_cluster AS
WITH
    (SELECT arraySort(groupUniqArray(toString(currency))) FROM $database.costs) AS spent_in,
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
        SELECT DISTINCT toString(model) AS model, toString(conversion) AS conversion FROM $database.credits
        UNION ALL
        SELECT '(ledger is empty)', '' WHERE (SELECT count() FROM $database.credits_log) = 0
    )
SELECT
    model, conversion, day, channel, nullIf(campaign, '') AS campaign, nullIf(currency, '') AS currency,
    sum(line.1) AS revenue, sum(line.2) AS conversions, sum(line.3) AS spend,
    if(spend = 0, NULL, toFloat64(revenue) / toFloat64(spend)) AS roas,
    if(conversions <= 0, NULL, toFloat64(spend) / toFloat64(conversions)) AS cost_per_conversion,
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
SELECT
    model, conversion, channel, campaign, currency,
    sum(r.revenue) AS revenue, sum(r.conversions) AS conversions, sum(r.spend) AS spend,
    countIf(r.spent) AS days, any(from_day) AS first_day, any(to_day) AS last_day,
    sumIf(r.revenue, ifNull(r.day BETWEEN from_day AND to_day, false)) AS revenue_in_days,
    sumIf(r.conversions, ifNull(r.day BETWEEN from_day AND to_day, false)) AS conversions_in_days,
    if(spend = 0, NULL, toFloat64(revenue_in_days) / toFloat64(spend)) AS roas,
    if(days = 0 OR conversions_in_days <= 0, NULL, toFloat64(spend) / toFloat64(conversions_in_days)) AS cost_per_conversion
FROM
(
    SELECT
        *,
        minIf(toNullable(day), spent) OVER whole AS from_day, maxIf(toNullable(day), spent) OVER whole AS to_day
    FROM $database.roas_by_day
    WINDOW whole AS (PARTITION BY model, conversion, channel, campaign, currency)
) AS r
GROUP BY model, conversion, channel, campaign, currency
ORDER BY model, conversion, currency, spend DESC, revenue DESC, channel, campaign
COMMENT 'Return on spend and cost per conversion of each campaign';

CREATE OR REPLACE VIEW $database.roas_by_channel $on_cluster AS
SELECT
    model, conversion, channel, currency,
    sum(r.revenue) AS revenue, sum(r.conversions) AS conversions, sum(r.spend) AS spend,
    uniqExactIf(r.day, r.spent) AS days, any(from_day) AS first_day, any(to_day) AS last_day,
    sumIf(r.revenue, ifNull(r.day BETWEEN from_day AND to_day, false)) AS revenue_in_days,
    sumIf(r.conversions, ifNull(r.day BETWEEN from_day AND to_day, false)) AS conversions_in_days,
    if(spend = 0, NULL, toFloat64(revenue_in_days) / toFloat64(spend)) AS roas,
    if(days = 0 OR conversions_in_days <= 0, NULL, toFloat64(spend) / toFloat64(conversions_in_days)) AS cost_per_conversion
FROM
(
    SELECT
        *,
        minIf(toNullable(day), spent) OVER whole AS from_day, maxIf(toNullable(day), spent) OVER whole AS to_day
    FROM $database.roas_by_day
    WINDOW whole AS (PARTITION BY model, conversion, channel, currency)
) AS r
GROUP BY model, conversion, channel, currency
ORDER BY model, conversion, currency, spend DESC, revenue DESC, channel
COMMENT 'Return on spend and cost per conversion of each channel';

-- ---- Research online, purchase offline, and its reverse

-- A profile is known where it has an identifier of a person: a number of an order, a cookie and a device are none.
CREATE OR REPLACE VIEW $database.known_profiles $on_cluster AS
SELECT DISTINCT profile_id
FROM $database.identifiers
WHERE splitByChar(':', identifier)[1] NOT IN ('anonymous', 'device', 'order', 'event')
COMMENT 'Profiles with an identifier of a person';

-- Research touches (direction online_then_store) and contacts in a branch (store_then_online), by the lists of the
-- catalogue's [ropo]. Machines are left out, and so is what the person has forbidden to analyse. opens: it opens a visit;
-- of research, touches of a profile with gaps below the catalogue's are one visit; each contact in a branch is one.
CREATE OR REPLACE VIEW $database.ropo_contacts $on_cluster AS
WITH
    (SELECT groupArray(name) FROM $database.catalogue_touchpoints WHERE ropo = 'research' AND purchase = '') AS research,
    (SELECT groupArray(name) FROM $database.catalogue_touchpoints WHERE ropo = 'store_contact' AND purchase = '') AS in_branch,
    (SELECT if(count() = 0, 30, argMax(visit_gap_minutes, version)) FROM $database.catalogue_log) AS gap_minutes
SELECT
    event_id, profile_id, direction, occurred_at, touchpoint, channel,
    toBool(isNotNull(profile_id) AND ifNull(profile_id IN (SELECT profile_id FROM $database.known_profiles), false)) AS linked,
    toBool(direction = 'store_then_online' OR isNull(profile_id) OR row_number() OVER before = 1
        OR occurred_at >= lagInFrame(occurred_at) OVER before + toIntervalMinute(gap_minutes)) AS opens
FROM
(
    SELECT
        t.event_id AS event_id, t.profile_id AS profile_id, t.occurred_at AS occurred_at,
        toString(t.touchpoint) AS touchpoint, toString(t.channel) AS channel,
        [touchpoint, splitByChar('.', touchpoint)[1]] AS names,
        if(hasAny(research, names), 'online_then_store', 'store_then_online') AS direction
    FROM $database.touchpoints AS t
    WHERE (hasAny(research, names) OR hasAny(in_branch, names))
        AND NOT (JSONExtractBool(t.body, 'machine') OR JSONExtractBool(t.body, 'bot'))
        AND NOT (mapContains(t.consent, 'analytics') AND NOT t.consent['analytics'])
)
WINDOW before AS (PARTITION BY direction, profile_id ORDER BY occurred_at, event_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
COMMENT 'What is looked for before a purchase: research online, contacts in a branch';

-- Each purchase that closed a journey, in a branch (direction online_then_store) or online (store_then_online), and whether its
-- buyer was met on the other side in the look-back window, both borders in. A purchase that names nobody has no profile and
-- no conversion: it is here with its amount as sold. value is net where there is a conversion.
CREATE OR REPLACE VIEW $database.ropo_purchases $on_cluster AS
WITH
    (SELECT groupArray(name) FROM $database.catalogue_touchpoints WHERE purchase = 'store') AS in_store,
    (SELECT groupArray(name) FROM $database.catalogue_touchpoints WHERE purchase = 'web') AS online,
    (SELECT if(count() = 0, 30, argMax(look_back_days, version)) FROM $database.catalogue_log) AS window_days
SELECT
    p.event_id AS event_id, p.direction AS direction, if(p.is_named, p.profile_id, NULL) AS profile_id,
    p.occurred_at AS occurred_at, p.currency AS currency, p.value AS value,
    toBool(p.is_named AND notEmpty(c.touchpoint) AND c.met_at >= p.occurred_at - toIntervalDay(window_days)) AS matched,
    toBool(matched OR (p.is_named AND p.profile_id IN (SELECT profile_id FROM $database.known_profiles))) AS known,
    if(matched, c.event_id, NULL) AS last_contact, if(matched, c.touchpoint, NULL) AS last_contact_touchpoint,
    if(matched, c.met_at, NULL) AS last_contact_at
FROM
(
    SELECT
        conversion_id AS event_id, 1 AS is_named, c.profile_id AS profile_id, c.occurred_at AS occurred_at,
        toString(c.currency) AS currency, c.net AS value, [toString(c.touchpoint), splitByChar('.', toString(c.touchpoint))[1]] AS names,
        if(hasAny(in_store, names), 'online_then_store', 'store_then_online') AS direction
    FROM $database.conversions AS c
    WHERE c.closing AND (hasAny(in_store, names) OR hasAny(online, names))
    UNION ALL
    SELECT
        t.event_id, 0, toUUID('00000000-0000-0000-0000-000000000000'), t.occurred_at, toString(t.currency),
        ifNull(t.amount, 0), [toString(t.touchpoint), splitByChar('.', toString(t.touchpoint))[1]] AS names,
        if(hasAny(in_store, names), 'online_then_store', 'store_then_online')
    FROM $database.touchpoints AS t
    WHERE isNull(t.profile_id) AND (hasAny(in_store, names) OR hasAny(online, names))
        AND t.event_id NOT IN (SELECT conversion_id FROM $database.conversions_log)
) AS p
ASOF LEFT JOIN
(
    SELECT direction, assumeNotNull(profile_id) AS profile_id, occurred_at AS met_at, event_id, touchpoint
    FROM $database.ropo_contacts
    WHERE isNotNull(profile_id)
) AS c ON c.direction = p.direction AND c.profile_id = p.profile_id AND p.occurred_at >= c.met_at
COMMENT 'Purchases on one side, and whether the buyer was met on the other side before';

-- Always read matched_share with its coverage. matched_share is a lower bound: known buyers also browse unknown. Of those whose
-- buyer is known, matched_share_of_known were matched. buyer_coverage: purchases whose buyer is known; contact_coverage:
-- visits (of online_then_store) or contacts in a branch (of store_then_online) that are linked to a known profile.
CREATE OR REPLACE VIEW $database.ropo_by_month $on_cluster AS
SELECT
    p.direction AS direction, p.month AS month, p.currency AS currency,
    p.purchases AS purchases, p.known AS known, p.matched AS matched,
    p.value AS value, p.known_value AS known_value, p.matched_value AS matched_value,
    p.matched / p.purchases AS matched_share, if(p.known = 0, NULL, p.matched / p.known) AS matched_share_of_known,
    if(p.value = 0, NULL, toFloat64(p.matched_value) / toFloat64(p.value)) AS matched_value_share,
    if(p.known_value = 0, NULL, toFloat64(p.matched_value) / toFloat64(p.known_value)) AS matched_value_share_of_known,
    p.known / p.purchases AS buyer_coverage,
    c.contacts AS contacts, c.linked AS linked_contacts, if(c.contacts = 0, NULL, c.linked / c.contacts) AS contact_coverage
FROM
(
    SELECT
        direction, toStartOfMonth(occurred_at) AS month, currency, count() AS purchases,
        countIf(q.known) AS known, countIf(q.matched) AS matched,
        sum(q.value) AS value, sumIf(q.value, q.known) AS known_value, sumIf(q.value, q.matched) AS matched_value
    FROM $database.ropo_purchases AS q
    GROUP BY direction, month, currency
) AS p
LEFT JOIN
(
    SELECT direction, toStartOfMonth(occurred_at) AS month, countIf(opens) AS contacts, countIf(opens AND d.linked) AS linked
    FROM $database.ropo_contacts AS d
    GROUP BY direction, month
) AS c ON c.direction = p.direction AND c.month = p.month
ORDER BY direction, month, currency
COMMENT 'Research online, purchase offline and its reverse, by month of the purchase, with identity coverage';

CREATE OR REPLACE VIEW $database.ropo $on_cluster AS
SELECT
    p.direction AS direction, p.currency AS currency,
    p.purchases AS purchases, p.known AS known, p.matched AS matched,
    p.value AS value, p.known_value AS known_value, p.matched_value AS matched_value,
    p.matched / p.purchases AS matched_share, if(p.known = 0, NULL, p.matched / p.known) AS matched_share_of_known,
    if(p.value = 0, NULL, toFloat64(p.matched_value) / toFloat64(p.value)) AS matched_value_share,
    if(p.known_value = 0, NULL, toFloat64(p.matched_value) / toFloat64(p.known_value)) AS matched_value_share_of_known,
    p.known / p.purchases AS buyer_coverage,
    c.contacts AS contacts, c.linked AS linked_contacts, if(c.contacts = 0, NULL, c.linked / c.contacts) AS contact_coverage
FROM
(
    SELECT
        direction, currency, count() AS purchases,
        countIf(q.known) AS known, countIf(q.matched) AS matched,
        sum(q.value) AS value, sumIf(q.value, q.known) AS known_value, sumIf(q.value, q.matched) AS matched_value
    FROM $database.ropo_purchases AS q
    GROUP BY direction, currency
) AS p
LEFT JOIN
(
    SELECT direction, countIf(opens) AS contacts, countIf(opens AND d.linked) AS linked
    FROM $database.ropo_contacts AS d
    GROUP BY direction
) AS c ON c.direction = p.direction
ORDER BY direction, currency
COMMENT 'Research online, purchase offline and its reverse, over all time, with identity coverage';

-- ---- What the columns say; a view that is made anew says it anew

ALTER TABLE $database.catalogue_touchpoints $on_cluster
    COMMENT COLUMN name 'touchpoint',
    COMMENT COLUMN label 'what people call it',
    COMMENT COLUMN phase 'phase of the journey',
    COMMENT COLUMN phase_position 'place of the phase, from 1',
    COMMENT COLUMN channel 'channel where no rule says another',
    COMMENT COLUMN department 'who is responsible',
    COMMENT COLUMN credit 'may earn credit, by itself or through its visit',
    COMMENT COLUMN ropo 'research, store_contact, or empty: see ropo_contacts',
    COMMENT COLUMN purchase 'reaches a conversion that closes a journey: store, web, or empty';

ALTER TABLE $database.credits $on_cluster
    COMMENT COLUMN entry_id 'id of the entry',
    COMMENT COLUMN conversion_id 'id of the event that converted',
    COMMENT COLUMN profile_id 'whose conversion it was at that posting',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN occurred_at 'time of the conversion',
    COMMENT COLUMN cause 'kind of the event that caused the posting',
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN revision 'number of the posting of this conversion',
    COMMENT COLUMN sign '1: an entry; -1: its reversal',
    COMMENT COLUMN touchpoint_id 'event of the touch; NULL: nobody by name',
    COMMENT COLUMN touchpoint 'touchpoint; NULL: unattributed',
    COMMENT COLUMN channel 'channel of the touch',
    COMMENT COLUMN campaign 'campaign of the touch',
    COMMENT COLUMN touched_at 'time of the touch',
    COMMENT COLUMN credit 'share of the conversion, with the sign',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN minor_digits 'decimals of the currency',
    COMMENT COLUMN value_minor 'share of the net value in minor units, with the sign',
    COMMENT COLUMN value 'the same in units of the currency',
    COMMENT COLUMN recorded_at 'arrival of what caused it',
    COMMENT COLUMN line 'touch, unattributed (no touch earned it) or withheld (consent hides who did)';

ALTER TABLE $database.revenue_by_campaign_and_model $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN attributed 'a touch earned it, by name',
    COMMENT COLUMN campaign 'NULL: none was named',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN revenue 'net, after refunds',
    COMMENT COLUMN conversions 'credit',
    COMMENT COLUMN line 'touch, unattributed (no touch earned it) or withheld (consent hides who did)';

ALTER TABLE $database.revenue_by_channel_and_model $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN attributed 'a touch earned it, by name',
    COMMENT COLUMN channel 'NULL: see line',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN revenue 'net, after refunds',
    COMMENT COLUMN conversions 'credit',
    COMMENT COLUMN line 'touch, unattributed (no touch earned it) or withheld (consent hides who did)';

ALTER TABLE $database.attribution_violations $on_cluster
    COMMENT COLUMN conversion_id 'id of the event that converted',
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN conversion_known 'there is such a conversion, maybe withdrawn',
    COMMENT COLUMN in_ledger 'the model has an entry of it',
    COMMENT COLUMN credit_due '1; 0: withdrawn or unknown',
    COMMENT COLUMN credit_posted 'sum of credit in the ledger',
    COMMENT COLUMN value_minor_due 'net value in minor units',
    COMMENT COLUMN value_minor_posted 'sum of value_minor in the ledger';

ALTER TABLE $database.assisted_conversions $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN channel 'withheld: touches without consent',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN conversions 'with the channel on their path',
    COMMENT COLUMN assisted 'those whose last touch is of another channel',
    COMMENT COLUMN last_touch 'those whose last touch is of this one',
    COMMENT COLUMN value 'net, of conversions',
    COMMENT COLUMN assisted_value 'net, of assisted',
    COMMENT COLUMN last_touch_value 'net, of last_touch',
    COMMENT COLUMN assists_per_last_touch 'assisted by last_touch; above 1 it rather helps than closes';

ALTER TABLE $database.top_paths $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN rank 'by conversions, from 1, per conversion and currency',
    COMMENT COLUMN path_text 'channels in order, repeats folded: search > email',
    COMMENT COLUMN steps 'channels on the folded path',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN conversions 'how many',
    COMMENT COLUMN revenue 'net, after refunds',
    COMMENT COLUMN share 'of all conversions of that name and currency',
    COMMENT COLUMN running_share 'of this path and all before it',
    COMMENT COLUMN median_days 'from first touch to conversion; NULL: no touch';

ALTER TABLE $database.items_bought $on_cluster
    COMMENT COLUMN conversion_id 'id of the event that converted',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN occurred_at 'time of the conversion',
    COMMENT COLUMN profile_id 'whose it is',
    COMMENT COLUMN product 'product as sold',
    COMMENT COLUMN category 'of the product; NULL: not said',
    COMMENT COLUMN quantity 'pieces as sold',
    COMMENT COLUMN value 'what the line brought, as sold; NULL: not said',
    COMMENT COLUMN currency 'of value, as sold',
    COMMENT COLUMN channels 'on the path, each once',
    COMMENT COLUMN path_text 'channels in order, repeats folded: search > email';

ALTER TABLE $database.products_by_path $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN path_text 'channels in order, repeats folded: search > email',
    COMMENT COLUMN category 'of the product; NULL: not said',
    COMMENT COLUMN product 'product as sold',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN conversions 'orders with it, each once',
    COMMENT COLUMN quantity 'pieces as sold',
    COMMENT COLUMN value 'as sold, returns included';

ALTER TABLE $database.categories_by_path $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN path_text 'channels in order, repeats folded: search > email',
    COMMENT COLUMN category 'of the product; NULL: not said',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN conversions 'orders with it, each once',
    COMMENT COLUMN quantity 'pieces as sold',
    COMMENT COLUMN value 'as sold, returns included';

ALTER TABLE $database.products_by_channel $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN channel 'on the path; a purchase counts for each',
    COMMENT COLUMN category 'of the product; NULL: not said',
    COMMENT COLUMN product 'product as sold',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN conversions 'orders with it, each once',
    COMMENT COLUMN quantity 'pieces as sold',
    COMMENT COLUMN value 'as sold, returns included';

ALTER TABLE $database.categories_by_channel $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN channel 'on the path; a purchase counts for each',
    COMMENT COLUMN category 'of the product; NULL: not said',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN conversions 'orders with it, each once',
    COMMENT COLUMN quantity 'pieces as sold',
    COMMENT COLUMN value 'as sold, returns included';

ALTER TABLE $database.time_to_conversion $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN conversions 'how many',
    COMMENT COLUMN with_touch 'conversions with a touch in the look-back window',
    COMMENT COLUMN median_days 'from the first touch; half took no longer',
    COMMENT COLUMN p90_days 'nine of ten took no longer',
    COMMENT COLUMN median_touches 'touches on the path',
    COMMENT COLUMN p90_touches 'nine of ten had no more',
    COMMENT COLUMN mean_touches 'mean of touches';

ALTER TABLE $database.conversions_by_days $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN days 'whole days of 24 hours from the first touch',
    COMMENT COLUMN conversions 'how many',
    COMMENT COLUMN share 'of those with a touch';

ALTER TABLE $database.conversions_by_touches $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN touches 'touches on the path',
    COMMENT COLUMN conversions 'how many',
    COMMENT COLUMN share 'of all conversions of that name';

ALTER TABLE $database.channel_overlap $on_cluster
    COMMENT COLUMN channel 'the shares are of this one',
    COMMENT COLUMN other 'the other channel',
    COMMENT COLUMN profiles 'customers who met both',
    COMMENT COLUMN channel_profiles 'customers who met channel',
    COMMENT COLUMN conversions 'with both on the path',
    COMMENT COLUMN channel_conversions 'with channel on the path',
    COMMENT COLUMN profiles_share 'profiles by channel_profiles',
    COMMENT COLUMN conversions_share 'conversions by channel_conversions';

ALTER TABLE $database.roas_by_day $on_cluster
    COMMENT COLUMN model 'attribution model; spend stands once for each',
    COMMENT COLUMN conversion 'name of the conversion; spend stands once for each',
    COMMENT COLUMN day 'of the touch, UTC',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN campaign 'NULL: the channel as a whole, or none',
    COMMENT COLUMN currency 'of spend and revenue; NULL: no value and no spend',
    COMMENT COLUMN revenue 'credited, net',
    COMMENT COLUMN conversions 'credited',
    COMMENT COLUMN spend 'imported cost',
    COMMENT COLUMN roas 'revenue by spend; NULL: no spend',
    COMMENT COLUMN cost_per_conversion 'spend by conversions; NULL: none',
    COMMENT COLUMN spent 'spend was imported for the day';

ALTER TABLE $database.roas_by_campaign $on_cluster
    COMMENT COLUMN model 'attribution model; spend stands once for each',
    COMMENT COLUMN conversion 'name of the conversion; spend stands once for each',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN campaign 'NULL: the channel as a whole, or none',
    COMMENT COLUMN currency 'of spend and revenue; NULL: no value and no spend',
    COMMENT COLUMN revenue 'credited, net, of all time',
    COMMENT COLUMN conversions 'credited, of all time',
    COMMENT COLUMN spend 'imported cost',
    COMMENT COLUMN days 'days with spend',
    COMMENT COLUMN first_day 'first day with spend',
    COMMENT COLUMN last_day 'last day with spend',
    COMMENT COLUMN revenue_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN conversions_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN roas 'revenue_in_days by spend; NULL: no spend',
    COMMENT COLUMN cost_per_conversion 'spend by conversions_in_days; NULL: no spend or none';

ALTER TABLE $database.roas_by_channel $on_cluster
    COMMENT COLUMN model 'attribution model; spend stands once for each',
    COMMENT COLUMN conversion 'name of the conversion; spend stands once for each',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN currency 'of spend and revenue; NULL: no value and no spend',
    COMMENT COLUMN revenue 'credited, net, of all time',
    COMMENT COLUMN conversions 'credited, of all time',
    COMMENT COLUMN spend 'imported cost',
    COMMENT COLUMN days 'days with spend',
    COMMENT COLUMN first_day 'first day with spend',
    COMMENT COLUMN last_day 'last day with spend',
    COMMENT COLUMN revenue_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN conversions_in_days 'of touches from first_day to last_day',
    COMMENT COLUMN roas 'revenue_in_days by spend; NULL: no spend',
    COMMENT COLUMN cost_per_conversion 'spend by conversions_in_days; NULL: no spend or none';

ALTER TABLE $database.known_profiles $on_cluster
    COMMENT COLUMN profile_id 'has an identifier of a person';

ALTER TABLE $database.ropo_contacts $on_cluster
    COMMENT COLUMN event_id 'event',
    COMMENT COLUMN profile_id 'whose it is; NULL: of nobody',
    COMMENT COLUMN direction 'online_then_store: research; store_then_online: contact in a branch',
    COMMENT COLUMN occurred_at 'time of the event',
    COMMENT COLUMN touchpoint 'touchpoint',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN linked 'its profile is known',
    COMMENT COLUMN opens 'it opens a visit, or is a contact in a branch: count these';

ALTER TABLE $database.ropo_purchases $on_cluster
    COMMENT COLUMN event_id 'the purchase; of a named buyer the conversion_id',
    COMMENT COLUMN direction 'online_then_store: bought in a branch; store_then_online: bought online',
    COMMENT COLUMN profile_id 'buyer; NULL: the purchase names nobody',
    COMMENT COLUMN occurred_at 'time of the purchase',
    COMMENT COLUMN currency 'of value',
    COMMENT COLUMN value 'net; of a purchase that names nobody as sold',
    COMMENT COLUMN matched 'the buyer was met on the other side in the look-back window',
    COMMENT COLUMN known 'the buyer has an identifier of a person, or was matched',
    COMMENT COLUMN last_contact 'the last event on the other side',
    COMMENT COLUMN last_contact_touchpoint 'what it was',
    COMMENT COLUMN last_contact_at 'when';

ALTER TABLE $database.ropo_by_month $on_cluster
    COMMENT COLUMN direction 'online_then_store: research online, purchase in a branch; store_then_online: the reverse',
    COMMENT COLUMN month 'of the purchase, and of the contacts',
    COMMENT COLUMN currency 'of the values; contacts stand once for each',
    COMMENT COLUMN purchases 'all, also of unknown buyers',
    COMMENT COLUMN known 'of buyers who are known',
    COMMENT COLUMN matched 'of buyers who were met on the other side before',
    COMMENT COLUMN value 'of purchases',
    COMMENT COLUMN known_value 'of known',
    COMMENT COLUMN matched_value 'of matched',
    COMMENT COLUMN matched_share 'matched by purchases: a lower bound',
    COMMENT COLUMN matched_share_of_known 'matched by known',
    COMMENT COLUMN matched_value_share 'matched_value by value: a lower bound',
    COMMENT COLUMN matched_value_share_of_known 'matched_value by known_value',
    COMMENT COLUMN buyer_coverage 'known by purchases',
    COMMENT COLUMN contacts 'visits online, or contacts in a branch',
    COMMENT COLUMN linked_contacts 'those of known profiles',
    COMMENT COLUMN contact_coverage 'linked_contacts by contacts';

ALTER TABLE $database.ropo $on_cluster
    COMMENT COLUMN direction 'online_then_store: research online, purchase in a branch; store_then_online: the reverse',
    COMMENT COLUMN currency 'of the values; contacts stand once for each',
    COMMENT COLUMN purchases 'all, also of unknown buyers',
    COMMENT COLUMN known 'of buyers who are known',
    COMMENT COLUMN matched 'of buyers who were met on the other side before',
    COMMENT COLUMN value 'of purchases',
    COMMENT COLUMN known_value 'of known',
    COMMENT COLUMN matched_value 'of matched',
    COMMENT COLUMN matched_share 'matched by purchases: a lower bound',
    COMMENT COLUMN matched_share_of_known 'matched by known',
    COMMENT COLUMN matched_value_share 'matched_value by value: a lower bound',
    COMMENT COLUMN matched_value_share_of_known 'matched_value by known_value',
    COMMENT COLUMN buyer_coverage 'known by purchases',
    COMMENT COLUMN contacts 'visits online, or contacts in a branch',
    COMMENT COLUMN linked_contacts 'those of known profiles',
    COMMENT COLUMN contact_coverage 'linked_contacts by contacts';
