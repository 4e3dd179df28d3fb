-- The rule of attribution_violations in its plainest form: everything that is due beside everything that is posted. The view of
-- the migrations says the same with less work; what it calls overdrawn is not in this.
CREATE OR REPLACE VIEW $database.attribution_violations $on_cluster AS
WITH
    in_force AS
    (
        SELECT arrayJoin(models) AS model FROM $database.catalogue_log FINAL
        WHERE version = (SELECT max(version) FROM $database.catalogue_log)
        UNION ALL
        SELECT model FROM $database.models_published WHERE in_force
    ),
    models AS
    (
        SELECT
            c.model AS model, greatest(c.first_at, p.since) AS known_from, p.model != '' AS is_published,
            toUInt8((SELECT max(notEmpty(models)) FROM $database.catalogue_log FINAL
                    WHERE version = (SELECT max(version) FROM $database.catalogue_log)) = 0
                OR c.model IN (SELECT model FROM in_force)) AS counts
        FROM (SELECT toString(model) AS model, min(recorded_at) AS first_at FROM $database.credits GROUP BY model) AS c
        LEFT ANY JOIN (SELECT model, since FROM $database.models_published WHERE in_force) AS p ON p.model = c.model
        UNION ALL
        SELECT '(ledger is empty)', toDateTime64(0, 6, 'UTC'), 0, 1 WHERE (SELECT count() FROM $database.credits_log) = 0
    ),
    lines AS
    (
        SELECT
            c.conversion_id AS conversion_id, m.model AS model,
            toUInt8(m.counts = 0 OR (m.is_published = 1 AND c.recorded_at < m.known_from)) AS is_free,
            1 AS is_known, toUInt8(m.counts = 1 AND c.is_whole = 0 AND c.recorded_at >= m.known_from) AS is_required,
            0 AS is_posted,
            toDecimal128(if(c.withdrawn, 0, 1), 9) AS due_credit, if(c.withdrawn, 0, c.net_minor) AS due_minor,
            toDecimal128(0, 9) AS got_credit, toInt64(0) AS got_minor
        FROM
        (
            SELECT
                conversion_id, withdrawn, net_minor,
                -- Nobody's records are dated by the day: those of the ledger's first day lie before its first entry.
                if(profile_id = toUUID('00000000-0000-0000-0000-000000000000'),
                    recorded_at + toIntervalDay(1), recorded_at) AS recorded_at,
                profile_id = toUUID('00000000-0000-0000-0000-000000000000')
                    AND conversion_id IN (SELECT conversion_id FROM $database.credits_log) AS is_whole
            FROM $database.conversions_log FINAL
        ) AS c
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
    AND NOT (conversion_known AND max(is_free) = 1 AND credit_posted IN (0, credit_due))
ORDER BY conversion_id, model
COMMENT 'Conversions whose ledger is not whole; must be empty';
