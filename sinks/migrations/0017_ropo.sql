-- Research online, purchase offline, and its reverse: without what consent hides, with erased buyers apart, from millions of
-- conversions.

-- A profile is known where it has an identifier of a person: a number of an order, a cookie and a device are none. Most
-- identifiers were only ever in one profile: their lines, and copies of these, need neither FINAL nor a history.
CREATE OR REPLACE VIEW $database.known_profiles $on_cluster AS
SELECT DISTINCT profile_id
FROM
(
    SELECT min(l.profile_id) AS profile_id
    FROM $database.profiles_log AS l
    WHERE change != 'stopped' AND splitByChar(':', identifier)[1] NOT IN ('anonymous', 'device', 'order', 'event')
    GROUP BY identifier, policy
    HAVING min(l.profile_id) = max(l.profile_id)
    UNION ALL
    SELECT profile_id
    FROM $database.identifiers
    WHERE splitByChar(':', identifier)[1] NOT IN ('anonymous', 'device', 'order', 'event')
        AND identifier IN
        (
            SELECT identifier
            FROM $database.profiles_log
            WHERE change != 'stopped' AND splitByChar(':', identifier)[1] NOT IN ('anonymous', 'device', 'order', 'event')
            GROUP BY identifier, policy
            HAVING min(profile_id) != max(profile_id)
        )
)
COMMENT 'Profiles with an identifier of a person';

ALTER TABLE $database.known_profiles $on_cluster
    COMMENT COLUMN profile_id 'has an identifier of a person';

-- Research touches (direction online_then_store) and contacts in a branch (store_then_online), by the lists of the
-- catalogue's [ropo]. Machines are left out, and so is what the person has forbidden to analyse: by the event itself, or by
-- a decision on consent that hides it.
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
WINDOW before AS (PARTITION BY profile_id, direction ORDER BY occurred_at, event_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
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
-- A part of a purchase (store_purchase.kiosk) is its whole, unless it has an entry of its own in the catalogue.
CREATE OR REPLACE VIEW $database.ropo_purchases $on_cluster AS
WITH
    in_store AS (SELECT name FROM $database.catalogue_touchpoints WHERE purchase = 'store'),
    online AS (SELECT name FROM $database.catalogue_touchpoints WHERE purchase = 'web'),
    named AS (SELECT name FROM $database.catalogue_touchpoints),
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
        multiIf(c.touchpoint IN (named), c.touchpoint, substringIndex(c.touchpoint, '.', 2) IN (named),
            substringIndex(c.touchpoint, '.', 2), substringIndex(c.touchpoint, '.', 1)) AS counts_as,
        counts_as IN (in_store) AS to_store
    FROM $database.conversions AS c
    WHERE c.closing AND (counts_as IN (in_store) OR counts_as IN (online))
    UNION ALL
    SELECT
        t.event_id, 0, toUUID('00000000-0000-0000-0000-000000000000'), t.occurred_at, toString(t.currency),
        ifNull(t.amount, 0),
        multiIf(t.touchpoint IN (named), t.touchpoint, substringIndex(t.touchpoint, '.', 2) IN (named),
            substringIndex(t.touchpoint, '.', 2), substringIndex(t.touchpoint, '.', 1)) AS counts_as,
        counts_as IN (in_store)
    FROM $database.touchpoints AS t
    WHERE isNull(t.profile_id) AND (counts_as IN (in_store) OR counts_as IN (online))
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
    COMMENT COLUMN currency 'of value; NULL: the purchase has no value',
    COMMENT COLUMN value 'net; of a purchase that names nobody as sold',
    COMMENT COLUMN matched 'the buyer was met on the other side in the look-back window',
    COMMENT COLUMN known 'the buyer has an identifier of a person, or was matched',
    COMMENT COLUMN last_contact 'the last event on the other side: joins touchpoints; NULL: not matched',
    COMMENT COLUMN last_contact_touchpoint 'what it was; NULL: not matched',
    COMMENT COLUMN last_contact_at 'when; NULL: not matched',
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
    COMMENT COLUMN currency 'of the values; contacts stand once for each; NULL: the purchases have no value',
    COMMENT COLUMN purchases 'all, also of unknown and of erased buyers',
    COMMENT COLUMN known 'of buyers who are known',
    COMMENT COLUMN matched 'of buyers who were met on the other side before',
    COMMENT COLUMN value 'of purchases',
    COMMENT COLUMN known_value 'of known',
    COMMENT COLUMN matched_value 'of matched',
    COMMENT COLUMN matched_share 'matched by purchases less erased: a lower bound; NULL: all were erased',
    COMMENT COLUMN matched_share_of_known 'matched by known; NULL: no known',
    COMMENT COLUMN matched_value_share 'matched_value by value less erased_value: a lower bound; NULL: they come to 0',
    COMMENT COLUMN matched_value_share_of_known 'matched_value by known_value; NULL: that is 0',
    COMMENT COLUMN buyer_coverage 'known by purchases less erased; NULL: all were erased',
    COMMENT COLUMN contacts 'visits online, or contacts in a branch',
    COMMENT COLUMN linked_contacts 'those of known profiles',
    COMMENT COLUMN contact_coverage 'linked_contacts by contacts; NULL: no contacts',
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
    COMMENT COLUMN currency 'of the values; contacts stand once for each; NULL: the purchases have no value',
    COMMENT COLUMN purchases 'all, also of unknown and of erased buyers',
    COMMENT COLUMN known 'of buyers who are known',
    COMMENT COLUMN matched 'of buyers who were met on the other side before',
    COMMENT COLUMN value 'of purchases',
    COMMENT COLUMN known_value 'of known',
    COMMENT COLUMN matched_value 'of matched',
    COMMENT COLUMN matched_share 'matched by purchases less erased: a lower bound; NULL: all were erased',
    COMMENT COLUMN matched_share_of_known 'matched by known; NULL: no known',
    COMMENT COLUMN matched_value_share 'matched_value by value less erased_value: a lower bound; NULL: they come to 0',
    COMMENT COLUMN matched_value_share_of_known 'matched_value by known_value; NULL: that is 0',
    COMMENT COLUMN buyer_coverage 'known by purchases less erased; NULL: all were erased',
    COMMENT COLUMN contacts 'visits online, or contacts in a branch',
    COMMENT COLUMN linked_contacts 'those of known profiles',
    COMMENT COLUMN contact_coverage 'linked_contacts by contacts; NULL: no contacts',
    COMMENT COLUMN erased 'of buyers who were erased: neither known nor unknown',
    COMMENT COLUMN erased_value 'of erased';
