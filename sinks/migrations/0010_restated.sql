-- What the ledger says of fits: by which weights an entry of a data-driven model was split.

ALTER TABLE $database.credits_log $on_cluster
    ADD COLUMN IF NOT EXISTS fit_id Nullable(UUID)
        COMMENT 'fit of a data-driven model by whose weights it was split' AFTER value;

ALTER TABLE $database.conversions_log $on_cluster
    ADD COLUMN IF NOT EXISTS fits Map(LowCardinality(String), UUID) DEFAULT map()
        COMMENT 'by model: the fit by whose weights it was split' AFTER verified;

CREATE OR REPLACE VIEW $database.conversions $on_cluster AS
SELECT
    conversion_id, profile_id, journey_id, revision, conversion, closing, occurred_at, touchpoint, channel, source,
    order_id, currency, minor_digits, gross_minor, net_minor, gross, net,
    path.touchpoint_id, path.touched_at, path.touchpoint, path.channel, path.campaign, recorded_at, verified, fits
FROM $database.conversions_log FINAL
WHERE NOT withdrawn;

-- Entries and their reversals: sums need no rule, as credit and value carry the sign. Where a new life of the broker began
-- without the workers' state, revisions begin anew: then what an older one posted of a conversion counts no more once the
-- newer one has posted of it. Where the state came along, revisions go on, and both count.
CREATE OR REPLACE VIEW $database.credits $on_cluster AS
SELECT
    entry_id, conversion_id, profile_id, conversion, occurred_at, cause, model, revision, sign,
    touchpoint_id, touchpoint, channel, campaign, touched_at,
    credit, currency, minor_digits, value_minor, value, fit_id, recorded_at,
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
    COMMENT COLUMN line 'touch, unattributed (no touch earned it) or withheld (consent hides who did)',
    COMMENT COLUMN fit_id 'fit of a data-driven model by whose weights it was split';

-- ---- Models that were published, and conversions that are booked by others

ALTER TABLE $database.model_publications_log $on_cluster
    ADD COLUMN IF NOT EXISTS withdrawn Bool DEFAULT false
        COMMENT 'the fit was taken out of force, and none took its place';

-- Of each model the last that was done. A published model with the name of one of the catalogue is passed over by workers.
CREATE OR REPLACE VIEW $database.models_published $on_cluster AS
SELECT
    toString(l.model) AS model, argMax(l.fit_id, l.published_at) AS fit_id, max(l.published_at) AS since,
    argMax(l.withdrawn, l.published_at) AS is_withdrawn,
    toBool(model IN (
        SELECT arrayJoin(models) FROM $database.catalogue_log FINAL
        WHERE version = (SELECT max(version) FROM $database.catalogue_log))) AS is_taken,
    toBool(NOT is_withdrawn AND NOT is_taken) AS in_force
FROM $database.model_publications_log AS l
GROUP BY l.model
ORDER BY model
COMMENT 'Data-driven models that were ever published: which fit, since when, and is it in force';

ALTER TABLE $database.models_published $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN fit_id 'the fit that was published or withdrawn last',
    COMMENT COLUMN since 'when that was',
    COMMENT COLUMN is_withdrawn 'it was withdrawn',
    COMMENT COLUMN is_taken 'the catalogue has a model of that name, which is applied instead',
    COMMENT COLUMN in_force 'workers split conversions by it';

CREATE OR REPLACE VIEW $database.model_fits $on_cluster AS
SELECT
    f.fit_id AS fit_id, f.model AS model, f.kind AS kind, f.chain_order AS chain_order, f.level AS level,
    f.fitted_at AS fitted_at, if(p.times = 0, NULL, p.last) AS published_at,
    toBool(f.fit_id IN (SELECT fit_id FROM $database.models_published WHERE in_force)) AS in_force,
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
    SELECT fit_id, count() AS times, max(published_at) AS last
    FROM $database.model_publications_log WHERE NOT withdrawn GROUP BY fit_id
) AS p ON p.fit_id = f.fit_id
ORDER BY model, fitted_at DESC;

-- Empty once `touchpath attribution restate` is through, but for conversions beyond a profile's bound, which stay for good.
CREATE OR REPLACE VIEW $database.attribution_stale $on_cluster AS
WITH
    (SELECT (groupArray(model), groupArray(fit_id)) FROM $database.models_published WHERE in_force) AS wanted,
    arrayJoin(arrayDistinct(arrayConcat(
        wanted.1, arrayMap(name -> toString(name), mapKeys(c.fits))))) AS one
SELECT
    c.conversion_id AS conversion_id, c.profile_id AS profile_id, c.conversion AS conversion,
    c.occurred_at AS occurred_at, one AS model,
    if(mapContains(c.fits, one), c.fits[one], NULL) AS booked_fit,
    if(has(wanted.1, one), wanted.2[indexOf(wanted.1, one)], NULL) AS fit_in_force
FROM $database.conversions_log AS c FINAL
WHERE NOT c.withdrawn AND c.profile_id != toUUID('00000000-0000-0000-0000-000000000000')
    AND (booked_fit != fit_in_force OR isNull(booked_fit) != isNull(fit_in_force))
COMMENT 'Conversions that are split by another fit of a data-driven model than the one in force, by none, or by one withdrawn';

ALTER TABLE $database.attribution_stale $on_cluster
    COMMENT COLUMN conversion_id 'id of the event that converted',
    COMMENT COLUMN profile_id 'whose it is',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN occurred_at 'time of the conversion',
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN booked_fit 'the fit that it is split by; NULL: by none',
    COMMENT COLUMN fit_in_force 'the fit that it should be split by; NULL: by none';

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
    c.minor_digits AS minor_digits, c.value_minor AS value_minor, c.value AS value, c.recorded_at AS recorded_at,
    c.fit_id AS fit_id
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

-- ---- Erased customers
--
-- What an erased customer has brought is said again of nobody: profile_id 00000000-0000-0000-0000-000000000000, ids that
-- lead nowhere, no order, times cut to the day. Totals stay; nobody is no customer, and is counted as none. What of times is
-- finer than a day is off by less than a day there: the comments of those views say so.

-- Copies of an entry have its model, conversion and time, so that one life of the broker needs no FINAL.
CREATE OR REPLACE VIEW $database.ledger_kinds $on_cluster AS
SELECT toString(k.model) AS model, toString(k.conversion) AS conversion, min(k.first_at) AS first_at
FROM
(
    SELECT model, conversion, min(recorded_at) AS first_at
    FROM $database.credits_log WHERE (SELECT min(epoch) = max(epoch) FROM $database.credits_log)
    GROUP BY model, conversion
    UNION ALL
    SELECT model, conversion, min(recorded_at)
    FROM $database.credits WHERE (SELECT min(epoch) != max(epoch) FROM $database.credits_log)
    GROUP BY model, conversion
) AS k
GROUP BY k.model, k.conversion
ORDER BY model, conversion
COMMENT 'Which models have an entry of which conversions, and since when';

ALTER TABLE $database.ledger_kinds $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN first_at 'arrival of what caused the first entry';

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
        FROM (SELECT k.model AS model, min(k.first_at) AS first_at FROM $database.ledger_kinds AS k GROUP BY k.model) AS c
        LEFT ANY JOIN (SELECT model, since FROM $database.models_published WHERE in_force) AS p ON p.model = c.model
        UNION ALL
        SELECT '(ledger is empty)', toDateTime64(0, 6, 'UTC'), 0, 1 WHERE (SELECT count() FROM $database.credits_log) = 0
    ),
    (SELECT arraySort(groupArray((model, known_from, is_published, counts))) FROM models) AS known,
    (SELECT arraySort(groupArray(model)) FROM models) AS names,
    recorded AS
    (
        SELECT
            conversion_id, withdrawn, net_minor, 1 AS is_known,
            -- Nobody's records are dated by the day: those of the ledger's first day lie before its first entry.
            if(profile_id = toUUID('00000000-0000-0000-0000-000000000000'),
                recorded_at + toIntervalDay(1), recorded_at) AS recorded_at,
            profile_id = toUUID('00000000-0000-0000-0000-000000000000') AS is_nobodys
        FROM $database.conversions_log FINAL
    ),
    suspects AS
    (
        SELECT conversion_id, is_known, is_posted, withdrawn, net_minor, recorded_at, is_nobodys
        FROM
        (
            SELECT
                conversion_id, 1 AS is_posted,
                groupBitOr(bitShiftLeft(toUInt64(1), transform(model, names, arrayEnumerate(names), toUInt32(0)))) AS said,
                sum(toUInt64(toInt64(credit * 1000000000)) * cityHash64(model)) AS credits,
                sum(toUInt64(value_minor) * cityHash64(model)) AS minors
            FROM $database.credits
            GROUP BY conversion_id
            SETTINGS optimize_aggregation_in_order = 1
        ) AS p
        FULL JOIN recorded AS c USING (conversion_id)
        WHERE is_known = 0 OR length(known) > 63
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
            OR conversion_id IN
            (
                SELECT conversion_id
                FROM $database.credits
                WHERE conversion_id IN (SELECT conversion_id FROM $database.credits_log WHERE sign = -1)
                GROUP BY conversion_id, cityHash64(model, line, ifNull(touchpoint_id, toUUID('00000000-0000-0000-0000-000000000000')))
                HAVING sum(credit) < 0
            )
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
FROM
(
    SELECT
        *,
        arrayJoin(arrayMap(
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
            arrayDistinct(arrayConcat(if(is_known = 1, known.1, []), entries.1)))) AS line
    FROM told
)
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

-- As before, but that nobody is no customer: his journeys are those of many.
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
            WHERE profile_id != toUUID('00000000-0000-0000-0000-000000000000')
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
COMMENT 'Customers and conversions that two channels have in common; erased customers only by their conversions';

ALTER TABLE $database.channel_overlap $on_cluster
    COMMENT COLUMN channel 'the shares are of this one',
    COMMENT COLUMN other 'the other channel',
    COMMENT COLUMN profiles 'customers who met both',
    COMMENT COLUMN channel_profiles 'customers who met channel',
    COMMENT COLUMN conversions 'with both on the path',
    COMMENT COLUMN channel_conversions 'with channel on the path',
    COMMENT COLUMN profiles_share 'profiles by channel_profiles',
    COMMENT COLUMN conversions_share 'conversions by channel_conversions';

-- Research touches (direction online_then_store) and contacts in a branch (store_then_online), by the lists of the
-- catalogue's [ropo]. Machines are left out, and so is what the person has forbidden to analyse.
CREATE OR REPLACE VIEW $database.ropo_touches $on_cluster AS
WITH
    research AS (SELECT name FROM $database.catalogue_touchpoints WHERE ropo = 'research' AND purchase = ''),
    in_branch AS (SELECT name FROM $database.catalogue_touchpoints WHERE ropo = 'store_contact' AND purchase = '')
SELECT
    t.event_id AS event_id, t.profile_id AS profile_id,
    if(t.touchpoint IN (research) OR substringIndex(t.touchpoint, '.', 1) IN (research),
        'online_then_store', 'store_then_online') AS direction,
    t.occurred_at AS occurred_at, t.touchpoint AS touchpoint, t.channel AS channel
FROM $database.touchpoints AS t
WHERE (t.touchpoint IN (research) OR substringIndex(t.touchpoint, '.', 1) IN (research)
        OR t.touchpoint IN (in_branch) OR substringIndex(t.touchpoint, '.', 1) IN (in_branch))
    AND NOT (JSONExtractBool(t.body, 'machine') OR JSONExtractBool(t.body, 'bot'))
    AND NOT (mapContains(t.consent, 'analytics') AND NOT t.consent['analytics'])
COMMENT 'Events that are looked for before a purchase: research online, contacts in a branch';

ALTER TABLE $database.ropo_touches $on_cluster
    COMMENT COLUMN event_id 'event',
    COMMENT COLUMN profile_id 'whose it is; NULL: of nobody',
    COMMENT COLUMN direction 'online_then_store: research; store_then_online: contact in a branch',
    COMMENT COLUMN occurred_at 'time of the event',
    COMMENT COLUMN touchpoint 'touchpoint',
    COMMENT COLUMN channel 'channel';

-- opens: it opens a visit; of research, touches of a profile with gaps below the catalogue's are one visit; each contact in a
-- branch is one.
CREATE OR REPLACE VIEW $database.ropo_contacts $on_cluster AS
WITH
    (SELECT if(count() = 0, 30, argMax(visit_gap_minutes, version)) FROM $database.catalogue_log) AS gap_minutes
SELECT
    event_id, profile_id, direction, occurred_at, toString(touchpoint) AS touchpoint, toString(channel) AS channel,
    toBool(isNotNull(profile_id) AND ifNull(profile_id IN (SELECT profile_id FROM $database.known_profiles), false)) AS linked,
    toBool(direction = 'store_then_online' OR isNull(profile_id) OR row_number() OVER before = 1
        OR occurred_at >= lagInFrame(occurred_at) OVER before + toIntervalMinute(gap_minutes)) AS opens
FROM $database.ropo_touches
WINDOW before AS (PARTITION BY direction, profile_id ORDER BY occurred_at, event_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
COMMENT 'What is looked for before a purchase: research online, contacts in a branch';

ALTER TABLE $database.ropo_contacts $on_cluster
    COMMENT COLUMN event_id 'event',
    COMMENT COLUMN profile_id 'whose it is; NULL: of nobody',
    COMMENT COLUMN direction 'online_then_store: research; store_then_online: contact in a branch',
    COMMENT COLUMN occurred_at 'time of the event',
    COMMENT COLUMN touchpoint 'touchpoint',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN linked 'its profile is known',
    COMMENT COLUMN opens 'it opens a visit, or is a contact in a branch: count these';

-- Whom an erased purchase had been met by before is not known any more. It is neither one of a known buyer nor one of an
-- unknown one: it stays in purchases and value, is counted by itself (erased), and has no part in any share.
CREATE OR REPLACE VIEW $database.ropo_purchases $on_cluster AS
WITH
    in_store AS (SELECT name FROM $database.catalogue_touchpoints WHERE purchase = 'store'),
    online AS (SELECT name FROM $database.catalogue_touchpoints WHERE purchase = 'web'),
    (SELECT if(count() = 0, 30, argMax(look_back_days, version)) FROM $database.catalogue_log) AS window_days
SELECT
    p.event_id AS event_id, if(p.to_store, 'online_then_store', 'store_then_online') AS direction, if(p.is_named, p.profile_id, NULL) AS profile_id,
    p.occurred_at AS occurred_at, p.currency AS currency, p.value AS value,
    toBool(p.is_named AND notEmpty(c.touchpoint) AND c.met_at >= p.occurred_at - toIntervalDay(window_days)) AS matched,
    toBool(matched OR (p.is_named AND p.profile_id IN (SELECT profile_id FROM $database.known_profiles))) AS known,
    if(matched, c.event_id, NULL) AS last_contact, if(matched, c.touchpoint, NULL) AS last_contact_touchpoint,
    if(matched, c.met_at, NULL) AS last_contact_at,
    toBool(p.is_named AND p.profile_id = toUUID('00000000-0000-0000-0000-000000000000')) AS erased
FROM
(
    SELECT
        conversion_id AS event_id, 1 AS is_named, c.profile_id AS profile_id, c.occurred_at AS occurred_at,
        toString(c.currency) AS currency, c.net AS value,
        c.touchpoint IN (in_store) OR substringIndex(c.touchpoint, '.', 1) IN (in_store) AS to_store
    FROM $database.conversions AS c
    WHERE c.closing AND (c.touchpoint IN (in_store) OR substringIndex(c.touchpoint, '.', 1) IN (in_store)
        OR c.touchpoint IN (online) OR substringIndex(c.touchpoint, '.', 1) IN (online))
    UNION ALL
    SELECT
        t.event_id, 0, toUUID('00000000-0000-0000-0000-000000000000'), t.occurred_at, toString(t.currency),
        ifNull(t.amount, 0),
        t.touchpoint IN (in_store) OR substringIndex(t.touchpoint, '.', 1) IN (in_store)
    FROM $database.touchpoints AS t
    WHERE isNull(t.profile_id)
        AND (t.touchpoint IN (in_store) OR substringIndex(t.touchpoint, '.', 1) IN (in_store)
            OR t.touchpoint IN (online) OR substringIndex(t.touchpoint, '.', 1) IN (online))
        AND t.event_id NOT IN (SELECT conversion_id FROM $database.conversions_log)
) AS p
ASOF LEFT JOIN
(
    SELECT direction = 'online_then_store' AS to_store, assumeNotNull(profile_id) AS profile_id, occurred_at AS met_at, event_id, toString(touchpoint) AS touchpoint
    FROM $database.ropo_touches
    WHERE isNotNull(profile_id) AND profile_id IN (SELECT profile_id FROM $database.conversions WHERE closing)
) AS c ON c.to_store = p.to_store AND c.profile_id = p.profile_id AND p.occurred_at >= c.met_at
COMMENT 'Purchases on one side, and whether the buyer was met on the other side before';

ALTER TABLE $database.ropo_purchases $on_cluster
    COMMENT COLUMN event_id 'the purchase; of a named buyer the conversion_id',
    COMMENT COLUMN direction 'online_then_store: bought in a branch; store_then_online: bought online',
    COMMENT COLUMN profile_id 'buyer; NULL: the purchase names nobody',
    COMMENT COLUMN occurred_at 'time of the purchase; of an erased buyer the day',
    COMMENT COLUMN currency 'of value',
    COMMENT COLUMN value 'net; of a purchase that names nobody as sold',
    COMMENT COLUMN matched 'the buyer was met on the other side in the look-back window',
    COMMENT COLUMN known 'the buyer has an identifier of a person, or was matched',
    COMMENT COLUMN last_contact 'the last event on the other side',
    COMMENT COLUMN last_contact_touchpoint 'what it was',
    COMMENT COLUMN last_contact_at 'when',
    COMMENT COLUMN erased 'the buyer was erased: neither known nor unknown';

-- Always read matched_share with its coverage. matched_share is a lower bound: known buyers also browse unknown. Of those whose
-- buyer is known, matched_share_of_known were matched. buyer_coverage: purchases whose buyer is known; contact_coverage:
-- visits (of online_then_store) or contacts in a branch (of store_then_online) that are linked to a known profile.
-- Shares are of purchases that are not erased.
CREATE OR REPLACE VIEW $database.ropo_by_month $on_cluster AS
SELECT
    p.direction AS direction, p.month AS month, p.currency AS currency,
    p.purchases AS purchases, p.known AS known, p.matched AS matched,
    p.value AS value, p.known_value AS known_value, p.matched_value AS matched_value,
    if(p.purchases = p.erased, NULL, p.matched / (p.purchases - p.erased)) AS matched_share,
    if(p.known = 0, NULL, p.matched / p.known) AS matched_share_of_known,
    if(p.value = p.erased_value, NULL, toFloat64(p.matched_value) / toFloat64(p.value - p.erased_value)) AS matched_value_share,
    if(p.known_value = 0, NULL, toFloat64(p.matched_value) / toFloat64(p.known_value)) AS matched_value_share_of_known,
    if(p.purchases = p.erased, NULL, p.known / (p.purchases - p.erased)) AS buyer_coverage,
    c.contacts AS contacts, c.linked AS linked_contacts, if(c.contacts = 0, NULL, c.linked / c.contacts) AS contact_coverage,
    p.erased AS erased, p.erased_value AS erased_value
FROM
(
    SELECT
        direction, toStartOfMonth(occurred_at) AS month, currency, count() AS purchases,
        countIf(q.known) AS known, countIf(q.matched) AS matched, countIf(q.erased) AS erased,
        sum(q.value) AS value, sumIf(q.value, q.known) AS known_value, sumIf(q.value, q.matched) AS matched_value,
        sumIf(q.value, q.erased) AS erased_value
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

ALTER TABLE $database.ropo_by_month $on_cluster
    COMMENT COLUMN direction 'online_then_store: research online, purchase in a branch; store_then_online: the reverse',
    COMMENT COLUMN month 'of the purchase, and of the contacts',
    COMMENT COLUMN currency 'of the values; contacts stand once for each',
    COMMENT COLUMN purchases 'all, also of unknown and of erased buyers',
    COMMENT COLUMN known 'of buyers who are known',
    COMMENT COLUMN matched 'of buyers who were met on the other side before',
    COMMENT COLUMN value 'of purchases',
    COMMENT COLUMN known_value 'of known',
    COMMENT COLUMN matched_value 'of matched',
    COMMENT COLUMN matched_share 'matched by purchases less erased: a lower bound',
    COMMENT COLUMN matched_share_of_known 'matched by known',
    COMMENT COLUMN matched_value_share 'matched_value by value less erased_value: a lower bound',
    COMMENT COLUMN matched_value_share_of_known 'matched_value by known_value',
    COMMENT COLUMN buyer_coverage 'known by purchases less erased',
    COMMENT COLUMN contacts 'visits online, or contacts in a branch',
    COMMENT COLUMN linked_contacts 'those of known profiles',
    COMMENT COLUMN contact_coverage 'linked_contacts by contacts',
    COMMENT COLUMN erased 'of buyers who were erased: neither known nor unknown',
    COMMENT COLUMN erased_value 'of erased';

CREATE OR REPLACE VIEW $database.ropo $on_cluster AS
SELECT
    p.direction AS direction, p.currency AS currency,
    p.purchases AS purchases, p.known AS known, p.matched AS matched,
    p.value AS value, p.known_value AS known_value, p.matched_value AS matched_value,
    if(p.purchases = p.erased, NULL, p.matched / (p.purchases - p.erased)) AS matched_share,
    if(p.known = 0, NULL, p.matched / p.known) AS matched_share_of_known,
    if(p.value = p.erased_value, NULL, toFloat64(p.matched_value) / toFloat64(p.value - p.erased_value)) AS matched_value_share,
    if(p.known_value = 0, NULL, toFloat64(p.matched_value) / toFloat64(p.known_value)) AS matched_value_share_of_known,
    if(p.purchases = p.erased, NULL, p.known / (p.purchases - p.erased)) AS buyer_coverage,
    c.contacts AS contacts, c.linked AS linked_contacts, if(c.contacts = 0, NULL, c.linked / c.contacts) AS contact_coverage,
    p.erased AS erased, p.erased_value AS erased_value
FROM
(
    SELECT
        direction, currency, count() AS purchases,
        countIf(q.known) AS known, countIf(q.matched) AS matched, countIf(q.erased) AS erased,
        sum(q.value) AS value, sumIf(q.value, q.known) AS known_value, sumIf(q.value, q.matched) AS matched_value,
        sumIf(q.value, q.erased) AS erased_value
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

ALTER TABLE $database.ropo $on_cluster
    COMMENT COLUMN direction 'online_then_store: research online, purchase in a branch; store_then_online: the reverse',
    COMMENT COLUMN currency 'of the values; contacts stand once for each',
    COMMENT COLUMN purchases 'all, also of unknown and of erased buyers',
    COMMENT COLUMN known 'of buyers who are known',
    COMMENT COLUMN matched 'of buyers who were met on the other side before',
    COMMENT COLUMN value 'of purchases',
    COMMENT COLUMN known_value 'of known',
    COMMENT COLUMN matched_value 'of matched',
    COMMENT COLUMN matched_share 'matched by purchases less erased: a lower bound',
    COMMENT COLUMN matched_share_of_known 'matched by known',
    COMMENT COLUMN matched_value_share 'matched_value by value less erased_value: a lower bound',
    COMMENT COLUMN matched_value_share_of_known 'matched_value by known_value',
    COMMENT COLUMN buyer_coverage 'known by purchases less erased',
    COMMENT COLUMN contacts 'visits online, or contacts in a branch',
    COMMENT COLUMN linked_contacts 'those of known profiles',
    COMMENT COLUMN contact_coverage 'linked_contacts by contacts',
    COMMENT COLUMN erased 'of buyers who were erased: neither known nor unknown',
    COMMENT COLUMN erased_value 'of erased';

-- What erased customers do to the other views is in their comments.
ALTER TABLE $database.time_to_conversion $on_cluster
    MODIFY COMMENT 'Days and touches to conversion; of erased customers whole days only, which are off by less than one';
ALTER TABLE $database.conversions_by_days $on_cluster
    MODIFY COMMENT 'How many conversions came so many whole days after their first touch; of erased customers by the calendar';
ALTER TABLE $database.top_paths $on_cluster
    MODIFY COMMENT 'Paths to conversion by channel, the most frequent first; days of erased customers are off by less than one';
ALTER TABLE $database.journeys_by_days_to_conversion $on_cluster
    MODIFY COMMENT 'Journeys by whole days from first contact to conversion; of erased customers by the calendar';
ALTER TABLE $database.items_bought $on_cluster
    MODIFY COMMENT 'Each line of each order or receipt that converted, with the path that led there; not of erased customers';
ALTER TABLE $database.profiles $on_cluster
    MODIFY COMMENT 'One row per customer, over all channels; erased customers are none';
ALTER TABLE $database.conversions $on_cluster
    MODIFY COMMENT 'Conversions that stand; those of erased customers are nobody''s, with the day for time';
ALTER TABLE $database.journeys $on_cluster
    MODIFY COMMENT 'Journeys that stand; those of erased customers are nobody''s, with the day for time';

-- ---- The same answers from millions of conversions: spend is summed before it stands beside each model and conversion

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
        SELECT model, conversion FROM $database.ledger_kinds
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
WITH
    (SELECT arraySort(groupUniqArray(toString(currency))) FROM $database.costs) AS spent_in,
    spent AS
    (
        SELECT
            toString(s.channel) AS channel, ifNull(s.campaign, '') AS campaign, toString(s.currency) AS currency,
            sum(s.spend) AS spend, count() AS days, min(s.day) AS from_day, max(s.day) AS to_day
        FROM $database.spend_by_day AS s
        GROUP BY 1, 2, 3
    ),
    -- For each currency of a credit those that it counts in.
    spans AS
    (
        SELECT channel, campaign, currency AS of_currency, currency, from_day, to_day FROM spent
        UNION ALL
        SELECT channel, campaign, '', one, anyIf(toNullable(from_day), currency = one), anyIf(toNullable(to_day), currency = one)
        FROM spent ARRAY JOIN spent_in AS one
        GROUP BY channel, campaign, one
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
    if(spend = 0, NULL, toFloat64(revenue_in_days) / toFloat64(spend)) AS roas,
    if(days = 0 OR conversions_in_days <= 0, NULL, toFloat64(spend) / toFloat64(conversions_in_days)) AS cost_per_conversion
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
    (SELECT arraySort(groupUniqArray(toString(currency))) FROM $database.costs) AS spent_in,
    spent AS
    (
        SELECT
            toString(s.channel) AS channel, toString(s.currency) AS currency,
            sum(s.spend) AS spend, uniqExact(s.day) AS days, min(s.day) AS from_day, max(s.day) AS to_day
        FROM $database.spend_by_day AS s
        GROUP BY 1, 2
    ),
    -- For each currency of a credit those that it counts in.
    spans AS
    (
        SELECT channel, currency AS of_currency, currency, from_day, to_day FROM spent
        UNION ALL
        SELECT channel, '', one, anyIf(toNullable(from_day), currency = one), anyIf(toNullable(to_day), currency = one)
        FROM spent ARRAY JOIN spent_in AS one
        GROUP BY channel, one
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
    if(spend = 0, NULL, toFloat64(revenue_in_days) / toFloat64(spend)) AS roas,
    if(days = 0 OR conversions_in_days <= 0, NULL, toFloat64(spend) / toFloat64(conversions_in_days)) AS cost_per_conversion
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

-- A profile is known where it has an identifier of a person: a number of an order, a cookie and a device are none. Most
-- identifiers were never moved: one line says all of them, and needs neither FINAL nor a history.
CREATE OR REPLACE VIEW $database.known_profiles $on_cluster AS
SELECT DISTINCT profile_id
FROM
(
    SELECT any(profile_id) AS profile_id
    FROM $database.profiles_log
    WHERE change != 'stopped' AND splitByChar(':', identifier)[1] NOT IN ('anonymous', 'device', 'order', 'event')
    GROUP BY identifier, policy
    HAVING count() = 1
    UNION ALL
    SELECT profile_id
    FROM $database.identifiers
    WHERE splitByChar(':', identifier)[1] NOT IN ('anonymous', 'device', 'order', 'event')
        AND identifier IN
        (
            SELECT identifier
            FROM $database.profiles_log
            WHERE change != 'stopped' AND splitByChar(':', identifier)[1] NOT IN ('anonymous', 'device', 'order', 'event')
            GROUP BY identifier
            HAVING count() > 1
        )
)
COMMENT 'Profiles with an identifier of a person';

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
