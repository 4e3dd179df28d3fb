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
    GROUP BY profile_id
    HAVING countIf(NOT t.consent['analytics']) > 0
)
COMMENT 'Profiles whose person has withdrawn consent to analytics at least once, and since when it is given again';

ALTER TABLE $database.consent_withdrawals $on_cluster
    COMMENT COLUMN profile_id 'whose decision it is',
    COMMENT COLUMN withdrawn_at 'time of the last no; touches up to it are hidden',
    COMMENT COLUMN withdrawn_by 'event of that no',
    COMMENT COLUMN given_again_at 'time of the first yes behind it; up to it only touches that say yes have names; NULL: there is none',
    COMMENT COLUMN given_again_by 'event of that yes';

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

-- As before, and what a person's decisions hide is left out too; ropo_contacts and ropo_purchases read it.
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
LEFT JOIN
(
    SELECT
        CAST(profile_id, 'Nullable(UUID)') AS hidden_profile, true AS hides,
        (withdrawn_at, UUIDToNum(withdrawn_by)) AS no,
        if(isNull(given_again_at), [], [(assumeNotNull(given_again_at), UUIDToNum(assumeNotNull(given_again_by)))]) AS yes
    FROM $database.consent_withdrawals
) AS w ON w.hidden_profile = t.profile_id
WHERE (t.touchpoint IN (research) OR substringIndex(t.touchpoint, '.', 1) IN (research)
        OR t.touchpoint IN (in_branch) OR substringIndex(t.touchpoint, '.', 1) IN (in_branch))
    AND NOT (JSONExtractBool(t.body, 'machine') OR JSONExtractBool(t.body, 'bot'))
    AND NOT (mapContains(t.consent, 'analytics') AND NOT t.consent['analytics'])
    AND NOT (ifNull(w.hides, false) AND if(
        mapContains(t.consent, 'analytics'),
        (t.occurred_at, UUIDToNum(t.event_id)) <= w.no,
        empty(w.yes) OR (t.occurred_at, UUIDToNum(t.event_id)) < w.yes[1]))
COMMENT 'Events that are looked for before a purchase: research online, contacts in a branch';

ALTER TABLE $database.ropo_touches $on_cluster
    COMMENT COLUMN event_id 'event',
    COMMENT COLUMN profile_id 'whose it is; NULL: of nobody',
    COMMENT COLUMN direction 'online_then_store: research; store_then_online: contact in a branch',
    COMMENT COLUMN occurred_at 'time of the event',
    COMMENT COLUMN touchpoint 'touchpoint',
    COMMENT COLUMN channel 'channel';
