-- What people's decisions on consent hide.

-- By the touchpoint consent_changed and the purpose analytics, as [attribution.consent] of the catalogue that ships: the
-- last no hides all up to it, for good, and what does not itself say yes up to the first yes behind it.
CREATE OR REPLACE VIEW $database.consent_withdrawals $on_cluster AS
SELECT
    profile_id,
    no.1 AS withdrawn_at, no.3 AS withdrawn_by,
    if(empty(later), NULL, later[1].1) AS given_again_at,
    if(empty(later), NULL, later[1].3) AS given_again_by
FROM
(
    SELECT
        assumeNotNull(t.profile_id) AS profile_id,
        maxIf((t.occurred_at, UUIDToNum(t.event_id), t.event_id), NOT t.consent['analytics']) AS no,
        arraySort(arrayFilter(
            given -> (given.1, given.2) > (no.1, no.2),
            groupArrayIf((t.occurred_at, UUIDToNum(t.event_id), t.event_id), t.consent['analytics']))) AS later
    FROM $database.touchpoints AS t
    WHERE isNotNull(t.profile_id) AND mapContains(t.consent, 'analytics')
        AND (t.touchpoint = 'consent_changed' OR startsWith(t.touchpoint, 'consent_changed.'))
        -- Says the same once more, by the key of the table: few events are decisions, and only theirs are read.
        AND t.event_id IN (
            SELECT event_id FROM $database.touchpoints_log
            WHERE touchpoint = 'consent_changed' OR startsWith(touchpoint, 'consent_changed.'))
    GROUP BY profile_id
    HAVING countIf(NOT t.consent['analytics']) > 0
)
COMMENT 'Profiles whose person has withdrawn consent to analytics at least once, and since when it is given again';

ALTER TABLE $database.consent_withdrawals $on_cluster
    COMMENT COLUMN profile_id 'whose decision it is',
    COMMENT COLUMN withdrawn_at 'time of the last no; touches up to it are hidden',
    COMMENT COLUMN withdrawn_by 'event of that no',
    COMMENT COLUMN given_again_at 'time of the first yes behind it; up to it only touches that say yes have names; NULL: there is none',
    COMMENT COLUMN given_again_by 'event of that yes; NULL: there is none';

-- How much of what is attributed nobody may see by name, and how much nobody has earned.
CREATE OR REPLACE VIEW $database.attribution_by_consent $on_cluster AS
SELECT
    model, conversion, currency,
    sum(credit) AS conversions,
    sumIf(credit, line = 'touch') AS named,
    sumIf(credit, line = 'withheld') AS withheld,
    sumIf(credit, line = 'unattributed') AS unattributed,
    if(conversions = 0, 0, toFloat64(withheld) / toFloat64(conversions)) AS withheld_share,
    sum(value) AS revenue,
    sumIf(value, line = 'withheld') AS withheld_revenue
FROM $database.credits
GROUP BY model, conversion, currency
HAVING conversions != 0 OR revenue != 0
ORDER BY model, conversion, currency
COMMENT 'Credit and revenue by model: named, withheld for want of consent, unattributed';

ALTER TABLE $database.attribution_by_consent $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN currency 'of the amounts; NULL: the conversion has no value',
    COMMENT COLUMN conversions 'credit in all',
    COMMENT COLUMN named 'credit of touches by name',
    COMMENT COLUMN withheld 'credit of touches that consent hides',
    COMMENT COLUMN unattributed 'credit that no touch earned',
    COMMENT COLUMN withheld_share 'withheld / conversions, 0 to 1',
    COMMENT COLUMN revenue 'net, after refunds',
    COMMENT COLUMN withheld_revenue 'of it what consent hides';
