-- What users read. Views belong to the migrations, because they are a promise to users just as tables are: they change
-- in a new migration, in step with the tables they read.

CREATE OR REPLACE VIEW $database.touchpoints $on_cluster AS
SELECT
    event_id, profile_id, source, touchpoint, channel, occurred_at, received_at,
    campaign, campaign_source, campaign_medium, campaign_term, campaign_content,
    order_id, amount, currency, name, identifiers.kind, identifiers.value,
    body_kind, body, items.product, items.category, items.quantity, items.value, properties,
    event_id IN (SELECT event_id FROM $database.marks_log WHERE mark = 'beyond_horizon') AS beyond_horizon,
    epoch, kafka_partition, kafka_offset
FROM $database.touchpoints_log FINAL;

CREATE OR REPLACE VIEW $database.quarantine $on_cluster AS
SELECT quarantine_id, source, door, reason, raw, encoding, received_at, epoch, kafka_partition, kafka_offset
FROM $database.quarantine_log FINAL;

CREATE OR REPLACE VIEW $database.catalogue_touchpoints $on_cluster AS
SELECT name, label, phase, phase_position, channel, department, credit
FROM $database.catalogue_log FINAL
WHERE version = (SELECT max(version) FROM $database.catalogue_log);

-- status is what the profile's own events say; status_now also looks at the clock: an open journey without a touch for
-- the catalogue's inactivity_days (30 where no catalogue was loaded) is idle.
CREATE OR REPLACE VIEW $database.journeys $on_cluster AS
SELECT
    journey_id, profile_id, revision, status,
    if(
        status = 'open'
        AND last_at < now64(6, 'UTC') - toIntervalDay(
            (SELECT if(count() = 0, 30, argMax(inactivity_days, version)) FROM $database.catalogue_log)),
        'idle', toString(status)) AS status_now,
    opening_event, opened_at, last_at, converted_at, closing_conversion,
    touchpoints, touches, visits, conversions, channels, first_touchpoint, last_touchpoint, recorded_at
FROM $database.journeys_log FINAL
WHERE NOT withdrawn;

CREATE OR REPLACE VIEW $database.conversions $on_cluster AS
SELECT
    conversion_id, profile_id, journey_id, revision, conversion, closing, occurred_at, touchpoint, channel, source,
    order_id, currency, minor_digits, gross_minor, net_minor, gross, net,
    path.touchpoint_id, path.touched_at, path.touchpoint, path.channel, path.campaign, recorded_at
FROM $database.conversions_log FINAL
WHERE NOT withdrawn;

-- The whole ledger: entries and their reversals. Sums need no rule, as credit and value carry the sign.
CREATE OR REPLACE VIEW $database.credits $on_cluster AS
SELECT
    entry_id, conversion_id, profile_id, conversion, occurred_at, cause, model, revision, sign,
    touchpoint_id, touchpoint, channel, campaign, touched_at,
    credit, currency, minor_digits, value_minor, value, recorded_at
FROM $database.credits_log FINAL;

-- campaign and channel are NULL where a touch has none; attributed = false is what no touch earned.
CREATE OR REPLACE VIEW $database.revenue_by_campaign_and_model $on_cluster AS
SELECT
    model, conversion, isNotNull(touchpoint_id) AS attributed, campaign, currency,
    sum(value) AS revenue, sum(credit) AS conversions
FROM $database.credits
GROUP BY model, conversion, attributed, campaign, currency
HAVING revenue != 0 OR conversions != 0
ORDER BY model, conversion, currency, revenue DESC, campaign;

CREATE OR REPLACE VIEW $database.revenue_by_channel_and_model $on_cluster AS
SELECT
    model, conversion, isNotNull(touchpoint_id) AS attributed, channel, currency,
    sum(value) AS revenue, sum(credit) AS conversions
FROM $database.credits
GROUP BY model, conversion, attributed, channel, currency
HAVING revenue != 0 OR conversions != 0
ORDER BY model, conversion, currency, revenue DESC, channel;

CREATE OR REPLACE VIEW $database.journeys_by_length $on_cluster AS
SELECT
    touchpoints AS length, count() AS journeys, countIf(isNotNull(converted_at)) AS converted,
    round(converted / journeys, 4) AS conversion_rate
FROM $database.journeys
GROUP BY length
ORDER BY length;

-- Whole days of 24 hours from the first contact to the closing conversion.
CREATE OR REPLACE VIEW $database.journeys_by_days_to_conversion $on_cluster AS
SELECT intDiv(dateDiff('second', opened_at, assumeNotNull(converted_at)), 86400) AS days, count() AS journeys
FROM $database.journeys
WHERE isNotNull(converted_at)
GROUP BY days
ORDER BY days;

CREATE OR REPLACE VIEW $database.conversion_paths $on_cluster AS
SELECT
    conversion, path.channel AS channels, arrayStringConcat(path.channel, ' > ') AS path_text, length(path.channel) AS touches,
    currency, count() AS conversions, sum(net) AS revenue
FROM $database.conversions
GROUP BY conversion, path.channel, currency
ORDER BY conversions DESC, revenue DESC, path_text;

CREATE OR REPLACE VIEW $database.quarantine_by_reason $on_cluster AS
SELECT source, reason, count() AS records, max(received_at) AS last_received_at, any(door) AS example_door
FROM $database.quarantine
GROUP BY source, reason
ORDER BY records DESC, source, reason;

-- Must be empty once the pipeline has settled. Per conversion and model the credit of all entries sums to 1 and the value
-- to the net revenue; for a withdrawn conversion both sum to 0. A model that the ledger knew when the conversion was last
-- recorded, and that has no entry of it, is a violation too, and so is an entry whose conversion nobody knows.
CREATE OR REPLACE VIEW $database.attribution_violations $on_cluster AS
WITH
    models AS
    (
        SELECT toString(model) AS model, min(recorded_at) AS known_from FROM $database.credits GROUP BY model
        UNION ALL
        SELECT '(ledger is empty)', toDateTime64(0, 6, 'UTC') WHERE (SELECT count() FROM $database.credits_log) = 0
    ),
    lines AS
    (
        SELECT
            c.conversion_id AS conversion_id, m.model AS model,
            1 AS is_known, toUInt8(c.recorded_at >= m.known_from) AS is_required, 0 AS is_posted,
            toDecimal128(if(c.withdrawn, 0, 1), 9) AS due_credit, if(c.withdrawn, 0, c.net_minor) AS due_minor,
            toDecimal128(0, 9) AS got_credit, toInt64(0) AS got_minor
        FROM (SELECT conversion_id, withdrawn, net_minor, recorded_at FROM $database.conversions_log FINAL) AS c
        CROSS JOIN models AS m
        UNION ALL
        SELECT
            conversion_id, toString(model), 0, 0, 1,
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
ORDER BY conversion_id, model;
