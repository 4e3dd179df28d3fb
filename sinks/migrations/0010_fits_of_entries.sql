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
WHERE NOT withdrawn
COMMENT 'Conversions that stand; those of erased customers are nobody''s, with the day for time';

ALTER TABLE $database.conversions $on_cluster
    COMMENT COLUMN conversion_id 'id of the event that converted: joins credits, and event_id of touchpoints',
    COMMENT COLUMN profile_id 'whose it is: joins profiles; all zeros: of erased customers',
    COMMENT COLUMN journey_id 'journey that it is in: joins journeys',
    COMMENT COLUMN revision 'number of its newest record, which is this one',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN closing 'it closes its journey',
    COMMENT COLUMN occurred_at 'time of the event that converted',
    COMMENT COLUMN touchpoint 'touchpoint of that event',
    COMMENT COLUMN channel 'channel of that event; who earned it is in credits',
    COMMENT COLUMN source 'who sent that event',
    COMMENT COLUMN order_id 'number of the order: joins touchpoints; NULL: none',
    COMMENT COLUMN currency 'of the amounts; NULL: it has no value',
    COMMENT COLUMN minor_digits 'decimals of the currency',
    COMMENT COLUMN gross_minor 'as sold, in minor units of currency',
    COMMENT COLUMN net_minor 'after refunds, in minor units of currency',
    COMMENT COLUMN gross 'as sold, in units of currency',
    COMMENT COLUMN net 'after refunds, in units of currency',
    COMMENT COLUMN path.touchpoint_id 'touches in the look-back window, in order: event_id of touchpoints',
    COMMENT COLUMN path.touched_at 'time of each touch',
    COMMENT COLUMN path.touchpoint 'touchpoint of each; withheld: consent hides it',
    COMMENT COLUMN path.channel 'channel of each; withheld: consent hides it',
    COMMENT COLUMN path.campaign 'campaign of each; NULL: none, or consent hides it',
    COMMENT COLUMN recorded_at 'arrival of what changed it last',
    COMMENT COLUMN verified 'false: only a public key has spoken of it',
    COMMENT COLUMN fits 'model to the fit_id that it was split by: joins model_fits; without rule models';

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
    COMMENT COLUMN conversion_id 'id of the event that converted: joins conversions',
    COMMENT COLUMN profile_id 'whose conversion it was at that posting; all zeros: of erased customers',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN occurred_at 'time of the conversion',
    COMMENT COLUMN cause 'kind of the event that caused the posting',
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN revision 'number of the posting of this conversion',
    COMMENT COLUMN sign '1: an entry; -1: its reversal',
    COMMENT COLUMN touchpoint_id 'event of the touch: event_id of touchpoints; NULL: nobody by name',
    COMMENT COLUMN touchpoint 'touchpoint; NULL: unattributed',
    COMMENT COLUMN channel 'channel of the touch; NULL: nobody by name',
    COMMENT COLUMN campaign 'campaign of the touch; NULL: it has none, or nobody by name',
    COMMENT COLUMN touched_at 'time of the touch; NULL: nobody by name',
    COMMENT COLUMN credit 'share of the conversion, with the sign',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN minor_digits 'decimals of the currency',
    COMMENT COLUMN value_minor 'share of the net value in minor units, with the sign',
    COMMENT COLUMN value 'the same in units of currency',
    COMMENT COLUMN recorded_at 'arrival of what caused it',
    COMMENT COLUMN line 'touch, unattributed (no touch earned it) or withheld (consent hides who did)',
    COMMENT COLUMN fit_id 'fit of a data-driven model by whose weights it was split: joins model_fits; NULL: the model needs none';

-- What was reported on a day: SELECT * FROM credits_as_of(as_of = '2026-03-01 08:00:00'). An entry is recorded when what
-- caused it arrived, so that a ledger made anew answers the same. Postings of a conversion stand one on the other: of two
-- causes that were worked off in another order than they had arrived in, the later one waits for the earlier posting, so
-- that the books balance at every moment. Those of a fit wait only for those of its model, and others only for others: what
-- a fit gives since it was published hides nothing of what the rules gave before.
CREATE OR REPLACE VIEW $database.credits_as_of $on_cluster AS
WITH if(isNull(c.fit_id), to_come.of_rules, to_come.of_fits[c.model]) AS waits_for
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
    SELECT
        conversion_id,
        minIf(e.revision, isNull(e.fit_id)) AS of_rules,
        minMapIf(map(e.model, e.revision), isNotNull(e.fit_id)) AS of_fits
    FROM $database.credits AS e
    WHERE recorded_at > {as_of:DateTime64(6, 'UTC')}
    GROUP BY conversion_id
) AS to_come ON to_come.conversion_id = c.conversion_id
WHERE c.recorded_at <= {as_of:DateTime64(6, 'UTC')} AND (waits_for = 0 OR c.revision < waits_for)
COMMENT 'The ledger as it was at as_of, with the columns of credits. Write as_of as ''2026-03-01 08:00:00'', UTC, without a zone; a bare date is when that day began';
