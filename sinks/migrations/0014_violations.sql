-- Is the ledger whole, with models that come and go, and after people were erased?

-- Must be empty once the pipeline has settled. Per conversion and model the credit of all entries sums to 1 and the value
-- to the net revenue; for a withdrawn conversion both sum to 0. A model that the ledger knew when the conversion was last
-- recorded, and that has no entry of it, is a violation too, and so is an entry whose conversion nobody knows.
-- A model that the newest catalogue has no more, and that was never published or was withdrawn, owes nothing: it must have
-- given all or nothing. So does a published one with conversions that were last recorded before it came into force.
-- Of nobody's conversion a model may have nothing: it came after the last word on the conversion, and nobody can be asked again.
-- One posting says all models that had a word, so that without any entry at all it is lost: a violation.
-- No touch and no line may have less than nothing: more was taken back than it had, even where the sums are right (overdrawn).
--
-- Nearly all conversions are right. To find the others in one pass, each model has a number of 64 bits, a hash of its name: a
-- conversion's credits, each times the number of its model, must sum to the sum of these numbers, and its values to that times
-- the net revenue. What does not is looked at closely. Beyond 63 models everything is.
--
-- Asked for one conversion, it reads the rows of that one: a filter on conversion_id gets through UNION ALL, GROUP BY and ARRAY
-- JOIN to the keys of the tables, but neither past a FULL JOIN nor past the function arrayJoin, nor into a set behind IN.
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
        FROM
        (
            -- As ledger_kinds, but for the names of conversions, as grouping by one short column takes a fifth of the time.
            SELECT toString(l.model) AS model, min(l.first_at) AS first_at
            FROM
            (
                SELECT model, min(recorded_at) AS first_at
                FROM $database.credits_log WHERE (SELECT min(epoch) = max(epoch) FROM $database.credits_log)
                GROUP BY model
                UNION ALL
                SELECT model, min(recorded_at)
                FROM $database.credits WHERE (SELECT min(epoch) != max(epoch) FROM $database.credits_log)
                GROUP BY model
            ) AS l
            GROUP BY l.model
        ) AS c
        LEFT ANY JOIN (SELECT model, since FROM $database.models_published WHERE in_force) AS p ON p.model = c.model
        UNION ALL
        SELECT '(ledger is empty)', toDateTime64(0, 6, 'UTC'), 0, 1 WHERE (SELECT count() FROM $database.credits_log) = 0
    ),
    (SELECT arraySort(groupArray((model, known_from, is_published, counts))) FROM models) AS known,
    arrayMap(one -> one.1, known) AS names,
    suspects AS
    (
        SELECT
            conversion_id, max(of_known) AS is_known, max(of_posted) AS is_posted,
            max(of_withdrawn) AS withdrawn, sum(of_net_minor) AS net_minor,
            max(of_recorded_at) AS recorded_at, max(of_nobodys) AS is_nobodys,
            sum(of_said) AS said, sum(of_credits) AS credits, sum(of_minors) AS minors
        FROM
        (
            SELECT
                conversion_id, 1 AS of_known, 0 AS of_posted, toUInt8(withdrawn) AS of_withdrawn, net_minor AS of_net_minor,
                profile_id = toUUID('00000000-0000-0000-0000-000000000000') AS of_nobodys,
                -- Nobody's records are dated by the day: those of the ledger's first day lie before its first entry.
                if(of_nobodys, recorded_at + toIntervalDay(1), recorded_at) AS of_recorded_at,
                toUInt64(0) AS of_said, toUInt64(0) AS of_credits, toUInt64(0) AS of_minors, 0 AS of_overdrawn
            FROM $database.conversions_log FINAL
            UNION ALL
            SELECT
                conversion_id, 0, 1, 0, toInt64(0), 0, toDateTime64(0, 6, 'UTC'), said, credits, minors,
                -- Where nothing was taken back, no touch can have less than nothing.
                least < 0 AND arrayExists(
                    had -> had < 0,
                    arrayReduce('sumMap', [if(least < 0, touches, [])], [if(least < 0, parts, [])]).2)
            FROM
            (
                SELECT
                    conversion_id,
                    groupBitOr(bitShiftLeft(toUInt64(1), transform(model, names, arrayEnumerate(names), toUInt32(0)))) AS said,
                    sum(toUInt64(toInt64(credit * 1000000000) AS part) * cityHash64(model)) AS credits,
                    sum(toUInt64(value_minor) * cityHash64(model)) AS minors,
                    min(part) AS least, groupArray(part) AS parts,
                    groupArray(cityHash64(model) + coalesce(cityHash64(touchpoint_id), cityHash64(touchpoint), 0)) AS touches
                FROM $database.credits
                GROUP BY conversion_id
                SETTINGS optimize_aggregation_in_order = 1
            )
        )
        GROUP BY conversion_id
        HAVING is_known = 0 OR max(of_overdrawn) = 1 OR length(known) > 63
            OR arrayExists(
                (one, place) -> NOT bitTest(said, place) AND NOT withdrawn AND one.4 = 1 AND recorded_at >= one.2
                    AND NOT (is_nobodys AND is_posted = 1),
                known, arrayEnumerate(known))
            OR NOT arrayExists(
                number -> credits = number * if(withdrawn, 0, 1000000000) AND minors = number * if(withdrawn, 0, toUInt64(net_minor)),
                [
                    arraySum((one, place) -> if(bitTest(said, place), cityHash64(one.1), 0), known, arrayEnumerate(known)),
                    -- A model that counts no more may have given nothing.
                    arraySum((one, place) -> if(bitTest(said, place) AND one.4 = 1, cityHash64(one.1), 0), known, arrayEnumerate(known))
                ])
    ),
    told AS
    (
        SELECT
            s.conversion_id AS conversion_id, any(s.is_known) AS is_known, any(s.is_posted) AS is_posted,
            any(s.withdrawn) AS withdrawn, any(s.net_minor) AS net_minor, any(s.recorded_at) AS recorded_at,
            any(s.is_nobodys) AS is_nobodys,
            groupArrayIf((c.model, c.touch, c.credit, c.value_minor), notEmpty(c.model)) AS entries
        FROM
        (
            SELECT
                conversion_id, toString(model) AS model, ifNull(toString(touchpoint_id), line) AS touch,
                toDecimal128(credit, 9) AS credit, value_minor
            FROM $database.credits
        ) AS c
        RIGHT JOIN suspects AS s ON s.conversion_id = c.conversion_id
        GROUP BY s.conversion_id
    )
SELECT
    conversion_id, line.1 AS model, is_known = 1 AS conversion_known, line.2 AS in_ledger,
    toDecimal128(if(is_known = 1 AND NOT withdrawn, 1, 0), 9) AS credit_due, line.3 AS credit_posted,
    toInt64(if(is_known = 1 AND NOT withdrawn, net_minor, 0)) AS value_minor_due, line.4 AS value_minor_posted,
    line.5 AS overdrawn
FROM told
ARRAY JOIN arrayMap(
    model -> (
        arrayFilter(entry -> entry.1 = model, entries) AS own,
        arrayFirst(one -> one.1 = model, known) AS about,
        (
            model, notEmpty(own), arraySum(entry -> entry.3, own), arraySum(entry -> entry.4, own),
            arrayExists(touch -> arraySum(entry -> if(entry.2 = touch, entry.3, 0), own) < 0, arrayDistinct(own.2)),
            is_known = 1 AND about.4 = 1 AND recorded_at >= about.2 AND NOT (is_nobodys AND is_posted = 1),
            about.4 = 0 OR (about.3 = 1 AND recorded_at < about.2)
        )
    ).3,
    arrayDistinct(arrayConcat(if(is_known = 1, known.1, []), entries.1))) AS line
WHERE overdrawn OR (
    (in_ledger OR (line.6 AND credit_due != 0))
    AND (credit_due != credit_posted OR value_minor_due != value_minor_posted)
    AND NOT (conversion_known AND line.7 AND credit_posted IN (0, credit_due)))
ORDER BY conversion_id, model
COMMENT 'Conversions whose ledger is not whole; must be empty';

ALTER TABLE $database.attribution_violations $on_cluster
    COMMENT COLUMN conversion_id 'id of the event that converted',
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN conversion_known 'there is such a conversion, maybe withdrawn',
    COMMENT COLUMN in_ledger 'the model has an entry of it',
    COMMENT COLUMN credit_due '1; 0: withdrawn or unknown',
    COMMENT COLUMN credit_posted 'sum of credit in the ledger',
    COMMENT COLUMN value_minor_due 'net value in minor units',
    COMMENT COLUMN value_minor_posted 'sum of value_minor in the ledger',
    COMMENT COLUMN overdrawn 'more was taken back from a touch than it had';
