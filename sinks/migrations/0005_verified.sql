-- What only a public key has said is told from what a trusted source has said.

ALTER TABLE $database.touchpoints_log $on_cluster ADD COLUMN IF NOT EXISTS verified Bool DEFAULT true AFTER properties;

ALTER TABLE $database.conversions_log $on_cluster ADD COLUMN IF NOT EXISTS verified Bool DEFAULT true AFTER recorded_at;

CREATE OR REPLACE VIEW $database.touchpoints $on_cluster AS
SELECT
    event_id, profile_id, source, touchpoint, channel, occurred_at, received_at,
    campaign, campaign_source, campaign_medium, campaign_term, campaign_content,
    order_id, amount, currency, name, identifiers.kind, identifiers.value,
    body_kind, body, items.product, items.category, items.quantity, items.value, properties, verified,
    event_id IN (SELECT event_id FROM $database.marks_log WHERE mark = 'beyond_horizon') AS beyond_horizon,
    epoch, kafka_partition, kafka_offset
FROM $database.touchpoints_log FINAL;

CREATE OR REPLACE VIEW $database.conversions $on_cluster AS
SELECT
    conversion_id, profile_id, journey_id, revision, conversion, closing, occurred_at, touchpoint, channel, source,
    order_id, currency, minor_digits, gross_minor, net_minor, gross, net,
    path.touchpoint_id, path.touched_at, path.touchpoint, path.channel, path.campaign, recorded_at, verified
FROM $database.conversions_log FINAL
WHERE NOT withdrawn;
