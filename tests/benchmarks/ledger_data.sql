-- A ledger of any size, straight into the tables, without a worker: deterministic, a function of the conversion's number.
-- Statements with {first} and {last} are run once for each piece, so that tables have parts that overlap, as they do
-- where a sink writes.

CREATE TABLE IF NOT EXISTS $database.facts
(
    k UInt64, conversion_id UUID, profile UInt64, profile_id UUID, journey_id UUID, conversion String, occurred_at DateTime64(6, 'UTC'),
    touchpoint String, channel String, currency Nullable(String), gross Int64, net Int64, withdrawn Bool, revisions UInt64,
    postings Array(Tuple(revision UInt64, sign Int8, minor Int64, cause String, recorded_at DateTime64(6, 'UTC'))),
    steps Array(UInt64), ids Array(UUID), ats Array(DateTime64(6, 'UTC')), touchpoints Array(String), channels Array(String),
    campaigns Array(Nullable(String)), codes Array(UInt32)
)
ENGINE = MergeTree ORDER BY k;

-- Of two customers one buys twice, of eight conversions one is restated, of a hundred one withdrawn.
INSERT INTO $database.facts
WITH
    (salt, n) -> (cityHash64(n, salt) % 1000003) / 1000003 AS luck,
    ['web', 'search', 'email', 'social', 'display', 'app', 'store', 'hotline', 'direct_mail', 'chat', 'referral', 'affiliate'] AS names,
    code -> if(code < 12, names[code + 1], concat('channel_', toString(code))) AS name_of,
    channel -> transform(channel,
        ['email', 'display', 'store', 'hotline', 'direct_mail', 'chat', 'app'],
        ['email_clicked', 'advertisement_clicked', 'branch_visit', 'call', 'direct_mail', 'chat', 'screen_view'],
        if(cityHash64(channel) % 2, 'page_view', 'product_viewed')) AS met_as
SELECT
    number AS k, reinterpretAsUUID(sipHash128('c', k)), cityHash64('p', k) % greatest(1, intDiv({size:UInt64} * 6, 10)) AS profile,
    reinterpretAsUUID(sipHash128('p', profile)), reinterpretAsUUID(sipHash128('j', k)),
    multiIf(luck('kind', k) < 0.8, 'purchase', luck('kind', k) < 0.92, 'newsletter', 'account') AS conversion,
    toDateTime64('2025-09-01', 6, 'UTC') + toIntervalMicrosecond(toInt64((k + luck('when', k) * 1000) / {size:UInt64} * 31536000000000)) AS occurred_at,
    multiIf(conversion = 'purchase', if(luck('branch', k) < 0.3, 'store_purchase', 'order_completed'),
        conversion = 'newsletter', 'newsletter_subscribed', 'account_created') AS touchpoint,
    if(touchpoint = 'store_purchase', 'store', 'web'),
    if(conversion = 'newsletter', NULL, multiIf(luck('money', k) < 0.7, 'EUR', luck('money', k) < 0.9, 'USD', 'GBP')) AS currency,
    if(isNull(currency), 0, toInt64(500 + 49500 * pow(luck('worth', k), 3))) AS gross,
    multiIf(luck('back', k) < 0.03, 0, luck('back', k) < 0.06, intDiv(gross, 2), gross) AS net,
    luck('withdrawn', k) < 0.01 AS withdrawn,
    if(withdrawn OR luck('back', k) < 0.06 OR luck('late', k) < 0.06, 2 + (luck('again', k) < 0.2), 1) AS revisions,
    arrayFilter(one -> NOT (withdrawn AND one.1 = revisions AND one.2 = 1), arrayMap(
        one -> (toUInt64(one.1), toInt8(one.2), if((one.1 = revisions AND one.2 = 1), net, gross),
            multiIf(one.1 = 1, 'conversion', withdrawn, 'unmerge', net < gross, 'refund', 'late_touchpoint'),
            occurred_at + toIntervalSecond(2) + toIntervalMicrosecond(toInt64((one.1 - 1) * (1 + luck('wait', k) * 3000000000000)))),
        arrayConcat([(1, 1)], arrayFlatten(arrayMap(r -> [(r, -1), (r, 1)], range(2, revisions + 1)))))) AS postings,
    range(toUInt64(least(15, floor(log(1 - luck('touches', k) * 0.97) / log(0.77))))) AS steps,
    arrayMap(i -> reinterpretAsUUID(sipHash128('t', k, i)), steps),
    arraySort(arrayMap(i -> occurred_at - toIntervalMicrosecond(toInt64(pow(luck('age', k * 16 + i), 2) * 2592000000000)), steps)),
    arrayMap(one -> met_as(one), channels), arrayMap(code -> name_of(code), codes) AS channels,
    arrayMap((i, code) -> if(luck('named', k * 16 + i) < 0.3, NULL,
        concat(name_of(code), '_', toString(toUInt32(intDiv({campaigns:UInt32}, {channels:UInt32}) * pow(luck('campaign', k * 16 + i), 2))))), steps, codes),
    arrayMap(i -> toUInt32({channels:UInt32} * pow(luck('channel', k * 16 + i), 2.2)), steps) AS codes
FROM numbers({first:UInt64}, {last:UInt64} - {first:UInt64});

INSERT INTO $database.conversions_log
(
    conversion_id, profile_id, journey_id, revision, withdrawn, conversion, closing, occurred_at, touchpoint, channel, source,
    order_id, currency, minor_digits, gross_minor, net_minor, gross, net,
    `path.touchpoint_id`, `path.touched_at`, `path.touchpoint`, `path.channel`, `path.campaign`,
    recorded_at, epoch, kafka_partition, kafka_offset, version
)
SELECT
    conversion_id, profile_id, journey_id, postings[-1].revision, withdrawn, conversion, conversion = 'purchase', occurred_at,
    touchpoint, channel, 'shop', concat('o-', toString(k)), currency, 2, gross, net, toDecimal128(gross, 4) / 100, toDecimal128(net, 4) / 100,
    ids, ats, touchpoints, channels, campaigns, postings[-1].recorded_at, 1, 0, k, bitShiftLeft(toUInt64(1), 52) + postings[-1].revision
FROM $database.facts
WHERE k >= {first:UInt64} AND k < {last:UInt64};

-- Each model gives its weights by place on the path; what is left of 1 and of the value goes to its first touch.
INSERT INTO $database.credits_log
(
    entry_id, conversion_id, profile_id, conversion, occurred_at, cause, model, revision, sign,
    touchpoint_id, touchpoint, channel, campaign, touched_at,
    credit, currency, minor_digits, value_minor, value, recorded_at, epoch, kafka_partition, kafka_offset, version
)
SELECT
    reinterpretAsUUID(sipHash128('e', k, model, posting.revision, posting.sign, place)), conversion_id, profile_id, conversion, occurred_at,
    posting.cause, model, posting.revision, posting.sign,
    if(place = 0, NULL, ids[place]), if(place = 0, if(k % 3 = 0, 'withheld', NULL), touchpoints[place]),
    if(place = 0, NULL, channels[place]), if(place = 0, NULL, campaigns[place]), if(place = 0, NULL, ats[place]),
    toDecimal64(toDecimal128(posting.sign * units, 9) / 1000000000, 9), currency, 2,
    posting.sign * minor, toDecimal128(posting.sign * minor, 4) / 100, posting.recorded_at, 1, 0, k * 100 + place, bitShiftLeft(toUInt64(1), 52)
FROM
(
    SELECT
        *, length(channels) AS n,
        arrayJoin([
            ('first', arrayMap(i -> toFloat64(i = 1), arrayEnumerate(channels))),
            ('last', arrayMap(i -> toFloat64(i = n), arrayEnumerate(channels))),
            ('last_non_direct', arrayMap(i -> toFloat64(i = if(arrayLastIndex(c -> c != 'web', channels) = 0, n, arrayLastIndex(c -> c != 'web', channels))), arrayEnumerate(channels))),
            ('linear', arrayMap(i -> 1., arrayEnumerate(channels))),
            ('position_based', arrayMap(i -> if(n < 3, 1., if(i IN (1, n), 0.4, 0.2 / (n - 2))), arrayEnumerate(channels))),
            ('time_decay', arrayMap(at -> pow(2, -dateDiff('second', at, occurred_at) / 604800), ats)),
            ('markov', arrayMap(code -> 1 / (1 + code), codes))]) AS said,
        said.1 AS model, arrayJoin(postings) AS posting,
        arrayMap(w -> toInt64(floor(w / arraySum(said.2) * 1000000000)), said.2) AS cut,
        arrayFirstIndex(w -> w > 0, said.2) AS leader,
        arrayMap((c, i) -> if(i = leader, c + 1000000000 - arraySum(cut), c), cut, arrayEnumerate(cut)) AS given,
        arrayMap(u -> intDiv(posting.minor * u, 1000000000), given) AS coins,
        arrayJoin(if(n = 0, [(0, 1000000000, posting.minor)], arrayFilter(one -> one.2 > 0, arrayMap(
            (u, c, i) -> (i, u, if(i = leader, c + posting.minor - arraySum(coins), c)), given, coins, arrayEnumerate(given))))) AS line,
        line.1 AS place, line.2 AS units, line.3 AS minor
    FROM $database.facts
    WHERE k >= {first:UInt64} AND k < {last:UInt64}
);

-- The touches of the paths, the events that converted with what was bought, and journeys that did not convert.
INSERT INTO $database.touchpoints_log
(
    event_id, profile_id, source, touchpoint, channel, occurred_at, received_at, campaign, order_id, amount, currency,
    `identifiers.kind`, `identifiers.value`, body_kind, body, `items.product`, `items.category`, `items.quantity`, `items.value`,
    properties, owner, epoch, kafka_partition, kafka_offset, version
)
WITH
    (profile) -> if(profile % 20 < 17, ['device', 'customer'], ['device']) AS kinds,
    (profile) -> arraySlice([concat('d', toString(profile)), concat('c', toString(profile))], 1, if(profile % 20 < 17, 2, 1)) AS told,
    (h) -> concat('{"context":{"page":{"path":"/shop/', toString(h % 5000), '","title":"Something to look at"},"userAgent":"Mozilla/5.0 (X11; Linux x86_64)","locale":"en-GB"',
        if(h % 3 = 0, concat(',"consent":{"categoryPreferences":{"advertising":true,"analytics":', if(h % 60 = 0, 'false', 'true'), '}}'), ''), '}}') AS around
SELECT
    id, profile_id, 'shop', touchpoint, channel, at, at + toIntervalSecond(2), campaign, order_id,
    if(order_id IS NULL, NULL, toDecimal128(minor, 4) / 100), if(order_id IS NULL, NULL, money),
    if(channel IN ('web', 'search', 'app', 'social', 'referral', 'affiliate'), kinds(profile), ['customer']),
    if(channel IN ('web', 'search', 'app', 'social', 'referral', 'affiliate'), told(profile), [concat('c', toString(profile))]),
    'web', '{}', items, arrayMap(i -> if(cityHash64(i) % 10 = 0, NULL, concat('category_', toString(cityHash64(i) % 40))), items),
    arrayMap(i -> toDecimal128(1, 18), items), arrayMap(i -> toDecimal128(intDiv(minor, greatest(1, length(items))), 18) / 100, items),
    around(cityHash64(id)), if(profile % 20 < 17, concat('customer:c', toString(profile)), concat('device:d', toString(profile))),
    1, 0, k, bitShiftLeft(toUInt64(1), 52)
FROM
(
    SELECT
        k, profile, profile_id, tupleElement(touch, 1) AS id, tupleElement(touch, 2) AS at, tupleElement(touch, 3) AS touchpoint,
        tupleElement(touch, 4) AS channel, tupleElement(touch, 5) AS campaign, CAST(NULL, 'Nullable(String)') AS order_id,
        toInt64(0) AS minor, CAST(NULL, 'Nullable(String)') AS money, CAST([], 'Array(String)') AS items
    FROM (SELECT k, profile, profile_id, arrayJoin(arrayZip(ids, ats, touchpoints, channels, campaigns)) AS touch FROM $database.facts
        WHERE k >= {first:UInt64} AND k < {last:UInt64})
    UNION ALL
    SELECT
        k, profile, profile_id, conversion_id, occurred_at, touchpoint, channel, NULL, concat('o-', toString(k)), gross, currency,
        if(conversion = 'purchase', arrayMap(i -> concat('product_', toString(toUInt32(2000 * pow(cityHash64(k, i) % 1000 / 1000, 3)))), range(1 + k % 3)), [])
    FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64}
    UNION ALL
    SELECT
        k, {size:UInt64} + k, reinterpretAsUUID(sipHash128('p', {size:UInt64} + k)), reinterpretAsUUID(sipHash128('n', id)),
        at - toIntervalDay(1 + k % 5), touchpoint, channel, campaign, NULL, 0, NULL, []
    FROM (SELECT k, arrayJoin(arrayZip(ids, ats, touchpoints, channels, campaigns)) AS touch,
        touch.1 AS id, touch.2 AS at, touch.3 AS touchpoint, touch.4 AS channel, touch.5 AS campaign
        FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64} AND k % 3 = 0)
    UNION ALL
    -- What took back what is gone of the gross.
    SELECT k, profile, profile_id, reinterpretAsUUID(sipHash128('b', k)), occurred_at + toIntervalDay(3), 'order_refunded', 'web', NULL,
        concat('o-', toString(k)), gross - net, currency, []
    FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64} AND net < gross
    UNION ALL
    -- Receipts that name nobody.
    SELECT k, 0, NULL, reinterpretAsUUID(sipHash128('r', k)), occurred_at, 'store_purchase', 'store', NULL, concat('r-', toString(k)), gross, 'EUR', ['product_1']
    FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64} AND k % 20 = 0
);

INSERT INTO $database.journeys_log
(
    journey_id, profile_id, revision, withdrawn, status, opening_event, opened_at, last_at, converted_at, closing_conversion,
    touchpoints, touches, visits, conversions, channels, first_touchpoint, last_touchpoint,
    recorded_at, epoch, kafka_partition, kafka_offset, version
)
SELECT
    journey_id, profile_id, 1, false, if(conversion = 'purchase', 'converted', 'open'), if(empty(ids), conversion_id, ids[1]),
    if(empty(ats), occurred_at, ats[1]), occurred_at, if(conversion = 'purchase', occurred_at, NULL), if(conversion = 'purchase', conversion_id, NULL),
    length(ids) + 1, length(ids), length(ids), 1, arrayDistinct(arrayConcat(channels, [channel])), if(empty(ids), touchpoint, touchpoints[1]), touchpoint,
    postings[1].recorded_at, 1, 0, k, bitShiftLeft(toUInt64(1), 52) + 1
FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64}
UNION ALL
SELECT
    reinterpretAsUUID(sipHash128('nj', k)), reinterpretAsUUID(sipHash128('p', {size:UInt64} + k)), 1, false, 'open', reinterpretAsUUID(sipHash128('n', ids[1])),
    ats[1] - toIntervalDay(1 + k % 5), ats[-1] - toIntervalDay(1 + k % 5), NULL, NULL,
    length(ids), length(ids), length(ids), 0, arrayDistinct(channels), touchpoints[1], touchpoints[-1],
    postings[1].recorded_at, 1, 0, k, bitShiftLeft(toUInt64(1), 52) + 1
FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64} AND k % 3 = 0 AND notEmpty(ids);

INSERT INTO $database.profiles_log
(
    identifier, policy, plan, change, profile_id, named_by, previous_profile_id, since, until, guard, other, cause, evidence,
    recorded_at, epoch, kafka_partition, kafka_offset, version
)
SELECT
    arrayJoin(arrayConcat(if(profile % 20 < 17, [concat('customer:c', toString(profile))], []), [concat('device:d', toString(profile))])) AS identifier,
    'last_known', 1, 'created', reinterpretAsUUID(sipHash128('p', profile)), identifier, NULL, NULL, NULL, NULL, NULL, 'touchpoint', any(conversion_id),
    min(occurred_at), 1, 0, min(k), bitShiftLeft(toUInt64(1), 52)
FROM (SELECT profile, conversion_id, occurred_at, k FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64}
    UNION ALL SELECT {size:UInt64} + k, conversion_id, occurred_at, k FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64} AND k % 3 = 0)
GROUP BY profile;

-- One touchpoint in fifty was moved by a merge.
INSERT INTO $database.placements_log
(event_id, owner, profile_id, from_profile, plan, cause, evidence, recorded_at, epoch, kafka_partition, kafka_offset, version)
SELECT arrayJoin(ids), if(profile % 20 < 17, concat('customer:c', toString(profile)), concat('device:d', toString(profile))), profile_id,
    profile_id, 1, 'merge', conversion_id, occurred_at, 1, 0, k, bitShiftLeft(toUInt64(1), 52) + 1
FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64} AND k % 50 = 0;

INSERT INTO $database.marks_log (event_id, profile_id, mark, recorded_at, epoch, kafka_partition, kafka_offset, version)
SELECT arrayJoin(ids), profile_id, 'beyond_horizon', occurred_at, 1, 0, k, bitShiftLeft(toUInt64(1), 52)
FROM $database.facts WHERE k >= {first:UInt64} AND k < {last:UInt64} AND k % 1000 = 7;

-- Half of the channels cost money, each day, by campaign.
INSERT INTO $database.costs_log (source, day, batch, channel, campaign, currency, cost)
SELECT 'ads', touched, reinterpretAsUUID(sipHash128('b', touched)), channel, ifNull(campaign, ''), 'EUR', 1 + cityHash64(touched, channel, campaign) % 5000 / 100
FROM (SELECT DISTINCT channel, campaign FROM (SELECT arrayJoin(arrayZip(channels, campaigns)) AS one, one.1 AS channel, one.2 AS campaign FROM $database.facts WHERE k < 20000)
    WHERE cityHash64(channel) % 2 = 0) AS c
CROSS JOIN (SELECT toDate32('2025-09-01') + number AS touched FROM numbers(365)) AS d;

INSERT INTO $database.cost_days_log (source, day, batch, version)
SELECT DISTINCT source, day, batch, 1 FROM $database.costs_log;

DROP TABLE $database.facts SYNC;

-- The last statement: where its row is, everything is.
INSERT INTO $database.model_publications_log (model, fit_id, published_at) VALUES ('markov', '00000000-0000-4000-8000-000000000001', '2025-09-01 00:00:00');
