-- Who it was: where touchpoints were moved to, what became of identifiers, what people decided, and the Customer 360.

CREATE TABLE IF NOT EXISTS $database.placements_log $on_cluster
(
    event_id UUID,
    owner String COMMENT 'the identifier that the touchpoint moves with',
    profile_id UUID COMMENT 'where it was moved to',
    from_profile UUID,
    plan UInt64 COMMENT 'of the owner: counts where it says that its touchpoints belong; the highest counts',
    cause LowCardinality(String) COMMENT 'merge or unmerge',
    evidence UUID COMMENT 'the event or command behind it',
    recorded_at DateTime64(6, 'UTC'),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64,
    INDEX by_profile profile_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (event_id, owner)
COMMENT 'Touchpoints that are no longer in the profile that their own record names';

-- A log: all that tells two changes apart is in the key, so that only a copy replaces a line. Events have happened after
-- 1990, so that 1970 stands for no border.
CREATE TABLE IF NOT EXISTS $database.profiles_log $on_cluster
(
    identifier String COMMENT 'kind:value',
    policy LowCardinality(String) COMMENT 'what becomes of its events while several customers share it',
    plan UInt64 COMMENT 'counts the changes of the identifier under the policy',
    change LowCardinality(String) COMMENT 'created, merged, unmerged; stopped: a guard has kept it from joining other',
    profile_id UUID COMMENT 'where its events with since <= occurred_at < until belong from now on',
    named_by String COMMENT 'the identifier that names the profile',
    previous_profile_id Nullable(UUID),
    since Nullable(DateTime64(6, 'UTC')) COMMENT 'NULL: no border',
    until Nullable(DateTime64(6, 'UTC')) COMMENT 'NULL: no border',
    guard LowCardinality(Nullable(String)),
    other Nullable(String) COMMENT 'the identifier that it was not joined with',
    cause LowCardinality(String),
    evidence UUID COMMENT 'the event or command behind it',
    recorded_at DateTime64(6, 'UTC'),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64,
    INDEX by_profile profile_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_previous previous_profile_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY
(
    identifier, policy, plan, change, profile_id,
    ifNull(since, toDateTime64(0, 6, 'UTC')), ifNull(until, toDateTime64(0, 6, 'UTC')),
    ifNull(guard, ''), ifNull(other, '')
);

CREATE TABLE IF NOT EXISTS $database.commands_log $on_cluster
(
    command_id UUID,
    identifier String COMMENT 'kind:value',
    action LowCardinality(String) COMMENT 'merge, unmerge, block, unblock',
    other Nullable(String) COMMENT 'of a merge: whom with',
    requested_at DateTime64(6, 'UTC'),
    requested_by String,
    reason Nullable(String),
    key String CODEC(ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') COMMENT 'Kafka record timestamp',
    value String CODEC(ZSTD(3)),
    epoch UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    version UInt64 COMMENT 'the first landing, in the first epoch, wins: a replay keeps the first order'
)
ENGINE = ${replicated}ReplacingMergeTree(version)
ORDER BY (command_id, identifier)
COMMENT 'What people decided about identifiers, exactly as it came; the source of a replay';

ALTER TABLE $database.touchpoints_log $on_cluster
    ADD COLUMN IF NOT EXISTS owner Nullable(String)
        COMMENT 'its strongest identifier, kind:value; it moves with it' AFTER verified,
    ADD COLUMN IF NOT EXISTS policy LowCardinality(String) DEFAULT 'last_known' COMMENT 'of its source' AFTER owner,
    ADD COLUMN IF NOT EXISTS plan UInt64 DEFAULT 0 COMMENT 'the plan of its owner that named the profile' AFTER policy;

-- What the sender says that it knows of the person; values are JSON. A group's traits describe the group.
ALTER TABLE $database.touchpoints_log $on_cluster
    ADD COLUMN IF NOT EXISTS traits Map(String, String) MATERIALIZED
        if(position(properties, '"traits"') = 0 OR (touchpoint = 'identified' AND JSONHas(properties, 'groupId')),
            map(), CAST(JSONExtractKeysAndValuesRaw(properties, 'traits'), 'Map(String, String)'))
        COMMENT 'attributes of the person as of this touchpoint, as JSON' AFTER plan;

-- What the person allows, by purpose: what the banner said with the event (context.consent.categoryPreferences), and of a
-- change of consent what it changes.
ALTER TABLE $database.touchpoints_log $on_cluster
    ADD COLUMN IF NOT EXISTS consent Map(String, Bool) MATERIALIZED
        if(position(properties, '"consent"') = 0 AND touchpoint != 'consent_changed', map(), mapUpdate(
            CAST(JSONExtractKeysAndValues(properties, 'context', 'consent', 'categoryPreferences', 'Bool'), 'Map(String, Bool)'),
            CAST(
                if(touchpoint = 'consent_changed',
                    arrayMap(said -> (if(said.1 = 'ads', 'advertising', said.1), said.2 = 'true'),
                        arrayFilter(said -> said.2 IN ('true', 'false'), JSONExtractKeysAndValuesRaw(properties))),
                    []),
                'Map(String, Bool)')))
        COMMENT 'purposes that the person allows or forbids as of this touchpoint' AFTER traits;

-- profile_id is where the touchpoint is now: where it was moved to last, else where its own record says. What an older broker
-- cluster said of it counts no more once a newer one has said it anew. Only touchpoints that were moved are held in memory,
-- by id and a hash of the owner.
CREATE OR REPLACE VIEW $database.touchpoints $on_cluster AS
SELECT
    t.event_id AS event_id,
    if((p.epoch, p.plan) >= (t.epoch, t.plan), p.profile_id, t.profile_id) AS profile_id,
    t.source AS source, t.touchpoint AS touchpoint, t.channel AS channel,
    t.occurred_at AS occurred_at, t.received_at AS received_at,
    t.campaign AS campaign, t.campaign_source AS campaign_source, t.campaign_medium AS campaign_medium,
    t.campaign_term AS campaign_term, t.campaign_content AS campaign_content,
    t.order_id AS order_id, t.amount AS amount, t.currency AS currency, t.name AS name,
    t.`identifiers.kind` AS `identifiers.kind`, t.`identifiers.value` AS `identifiers.value`,
    t.body_kind AS body_kind, t.body AS body,
    t.`items.product` AS `items.product`, t.`items.category` AS `items.category`,
    t.`items.quantity` AS `items.quantity`, t.`items.value` AS `items.value`,
    t.properties AS properties, t.verified AS verified,
    t.event_id IN (SELECT event_id FROM $database.marks_log WHERE mark = 'beyond_horizon') AS beyond_horizon,
    t.epoch AS epoch, t.kafka_partition AS kafka_partition, t.kafka_offset AS kafka_offset,
    t.owner AS owner, t.policy AS policy, t.traits AS traits, t.consent AS consent
FROM
(
    SELECT
        event_id, profile_id, source, touchpoint, channel, occurred_at, received_at,
        campaign, campaign_source, campaign_medium, campaign_term, campaign_content,
        order_id, amount, currency, name, `identifiers.kind`, `identifiers.value`, body_kind, body,
        `items.product`, `items.category`, `items.quantity`, `items.value`, properties, verified,
        owner, cityHash64(ifNull(owner, '')) AS moves_with, policy, plan, traits, consent,
        epoch, kafka_partition, kafka_offset
    FROM $database.touchpoints_log FINAL
) AS t
LEFT ANY JOIN
(
    SELECT event_id, cityHash64(owner) AS moves_with, profile_id, plan, epoch FROM $database.placements_log FINAL
) AS p ON p.event_id = t.event_id AND p.moves_with = t.moves_with;

CREATE OR REPLACE VIEW $database.identity_commands $on_cluster AS
SELECT command_id, identifier, action, other, requested_at, requested_by, reason, recorded_at
FROM $database.commands_log FINAL;

-- Which profile each identifier is in now. A line of the log says what changed from one plan to the next, for a stretch of
-- event time: each stretch has what the newest line over it says, and neighbours with one profile are one stretch. An
-- identifier that several customers share has several (shared): valid_from and valid_until are the borders,
-- NULL where there is none.
CREATE OR REPLACE VIEW $database.identifiers $on_cluster AS
WITH
    toInt64(-4611686018427387904) AS always,
    toInt64(4611686018427387904) AS forever
SELECT
    identifier,
    substring(identifier, 1, position(identifier, ':') - 1) AS kind,
    substring(identifier, position(identifier, ':') + 1) AS value,
    policy,
    stretch[1].3.4 AS profile_id,
    newest.5 AS named_by,
    -- A NULL carries the value under it to the client, and some cannot read one beyond the year 9999.
    if(stretch[1].1 = always, NULL, fromUnixTimestamp64Micro(if(stretch[1].1 = always, 0, stretch[1].1), 'UTC')) AS valid_from,
    if(stretch[-1].2 = forever,
        NULL, fromUnixTimestamp64Micro(if(stretch[-1].2 = forever, 0, stretch[-1].2), 'UTC')) AS valid_until,
    length(stretches) > 1 AS shared,
    newest.6 AS change,
    newest.7 AS cause,
    newest.8 AS evidence,
    newest.9 AS since,
    newest.1.2 AS plan
FROM
(
    SELECT
        identifier,
        policy,
        -- Newest first: (epoch, plan, offset), from, until, profile, named by, change, cause, evidence, recorded at.
        arrayReverseSort(groupArray((
            (epoch, plan, kafka_offset),
            ifNull(toUnixTimestamp64Micro(since), always), ifNull(toUnixTimestamp64Micro(until), forever),
            profile_id, named_by, toString(change), toString(cause), evidence, recorded_at))) AS every_line,
        arrayFilter(line -> line.1.1 = every_line[1].1.1, every_line) AS lines,
        arraySort(arrayDistinct(arrayConcat([always, forever], lines.2, lines.3))) AS borders,
        -- From, until, and the line that counts there.
        arrayFilter(piece -> piece.3.1.1 > 0, arrayMap(
            (begin, end) -> (begin, end, arrayFirst(line -> line.2 <= begin AND begin < line.3, lines)),
            arrayPopBack(borders), arrayPopFront(borders))) AS pieces,
        arraySplit(
            (piece, before) -> piece.3.4 != before.3.4 OR piece.1 != before.2,
            pieces, arrayPushFront(arrayPopBack(pieces), pieces[1])) AS stretches
    FROM $database.profiles_log FINAL
    WHERE change != 'stopped'
    GROUP BY identifier, policy
)
ARRAY JOIN
    stretches AS stretch,
    arrayMap(pieces -> arrayReverseSort(pieces.3)[1], stretches) AS newest;

-- The log in words.
CREATE OR REPLACE VIEW $database.profile_changes $on_cluster AS
SELECT
    recorded_at, identifier, change,
    concat(
        identifier,
        multiIf(
            change = 'created', ' was seen for the first time',
            change = 'merged', concat(' went to the profile of ', named_by),
            change = 'unmerged', concat(' went back to the profile of ', named_by),
            concat(' was not joined', if(isNull(other), '', concat(' with ', assumeNotNull(other))))),
        if(isNull(since), '', concat(', from ', toString(assumeNotNull(since)), ' on')),
        if(isNull(until), '', concat(', until ', toString(assumeNotNull(until)))),
        multiIf(
            isNull(guard), '',
            guard = 'block_list', ': it is on the list of identifiers that join nobody',
            guard = 'blocked', ': a person has blocked it',
            guard = 'cap', ': it was seen with more others than one person has',
            guard = 'unverified_cap', ': public keys have shown it with more others than one person has',
            guard = 'unique', ': both are of a kind of which one person has one',
            guard = 'decided', ': a person has parted them',
            concat(': ', toString(assumeNotNull(guard))))) AS words,
    previous_profile_id AS from_profile_id, if(change = 'stopped', NULL, profile_id) AS to_profile_id,
    profile_id, named_by, policy, plan, since, until, cause, evidence, guard, other
FROM $database.profiles_log FINAL
ORDER BY recorded_at, identifier, plan;

-- What guards have stopped, each pair once.
CREATE OR REPLACE VIEW $database.identity_stops $on_cluster AS
SELECT
    identifier, other, guard,
    argMax(words, (recorded_at, plan)) AS words,
    min(recorded_at) AS first_stopped_at, max(recorded_at) AS last_stopped_at,
    argMax(profile_id, (recorded_at, plan)) AS profile_id,
    argMax(cause, (recorded_at, plan)) AS cause, argMax(evidence, (recorded_at, plan)) AS evidence
FROM $database.profile_changes
WHERE change = 'stopped'
GROUP BY identifier, other, guard
ORDER BY last_stopped_at DESC, identifier, other;

-- What a touchpoint says that is known of the person, one row per attribute; json is the value as it was sent.
CREATE OR REPLACE VIEW $database.touchpoint_attributes $on_cluster AS
SELECT
    t.event_id AS event_id, assumeNotNull(t.profile_id) AS profile_id, trait.1 AS name, trait.2 AS json,
    t.occurred_at AS occurred_at, t.source AS source, t.verified AS verified
FROM $database.touchpoints AS t
ARRAY JOIN CAST(t.traits, 'Array(Tuple(String, String))') AS trait
WHERE notEmpty(t.traits) AND isNotNull(t.profile_id);

-- What is known of the person: per attribute the last word by event time. One whose last word is null is gone.
CREATE OR REPLACE VIEW $database.profile_attributes $on_cluster AS
SELECT
    a.profile_id AS profile_id, a.name AS name,
    argMax(a.json, (a.occurred_at, a.event_id)) AS json,
    if(startsWith(json, '"'), JSONExtractString(json), json) AS value,
    max(a.occurred_at) AS written_at,
    argMax(a.source, (a.occurred_at, a.event_id)) AS source,
    argMax(a.verified, (a.occurred_at, a.event_id)) AS verified,
    argMax(a.event_id, (a.occurred_at, a.event_id)) AS event_id
FROM $database.touchpoint_attributes AS a
GROUP BY profile_id, name
HAVING json != 'null';

-- What a touchpoint says that the person allows, one row per purpose. `email`, `messages` and `surveys` follow from
-- subscriptions and their end.
CREATE OR REPLACE VIEW $database.touchpoint_consent $on_cluster AS
SELECT
    t.event_id AS event_id, assumeNotNull(t.profile_id) AS profile_id, word.1 AS purpose, word.2 AS allowed,
    t.occurred_at AS occurred_at, t.source AS source, t.touchpoint AS touchpoint
FROM $database.touchpoints AS t
ARRAY JOIN arrayConcat(
    CAST(t.consent, 'Array(Tuple(String, Bool))'),
    CAST(
        multiIf(
            t.touchpoint IN ('newsletter_subscribed', 'email_subscribed'), [('email', 1)],
            t.touchpoint IN ('email_unsubscribed', 'email_complained'), [('email', 0)],
            t.touchpoint = 'message_unsubscribed', [('messages', 0)],
            t.touchpoint = 'survey_unsubscribed', [('surveys', 0)],
            []),
        'Array(Tuple(String, Bool))')) AS word
WHERE isNotNull(t.profile_id)
    AND (notEmpty(t.consent) OR t.touchpoint IN (
        'newsletter_subscribed', 'email_subscribed', 'email_unsubscribed', 'email_complained',
        'message_unsubscribed', 'survey_unsubscribed'));

-- What the person allows: per purpose the last word by event time.
CREATE OR REPLACE VIEW $database.profile_consent $on_cluster AS
SELECT
    c.profile_id AS profile_id, c.purpose AS purpose,
    argMax(c.allowed, (c.occurred_at, c.event_id)) AS allowed,
    max(c.occurred_at) AS said_at,
    argMax(c.source, (c.occurred_at, c.event_id)) AS source,
    argMax(c.touchpoint, (c.occurred_at, c.event_id)) AS touchpoint,
    argMax(c.event_id, (c.occurred_at, c.event_id)) AS event_id
FROM $database.touchpoint_consent AS c
GROUP BY profile_id, purpose;

-- One row per profile, over all silos. value is the net revenue by currency.
CREATE OR REPLACE VIEW $database.profiles $on_cluster AS
SELECT
    profile_id,
    arraySort(groupUniqArrayArray(line.1)) AS identifiers,
    if(sum(line.2) = 0, NULL, min(line.3)) AS first_contact,
    if(sum(line.2) = 0, NULL, max(line.4)) AS last_contact,
    sum(line.2) AS touchpoints,
    sum(line.5) AS complaints,
    max(line.6) AS first_channel,
    sum(line.7) AS journeys,
    sum(line.8) AS conversions,
    mapFilter((currency, _) -> currency != '', sumMap(line.9)) AS value
FROM
(
    SELECT
        assumeNotNull(t.profile_id) AS profile_id,
        (
            groupUniqArrayIf(assumeNotNull(t.owner), isNotNull(t.owner)), count(), min(t.occurred_at), max(t.occurred_at),
            countIf(t.touchpoint = 'complaint' OR startsWith(t.touchpoint, 'complaint.')),
            argMin(toString(t.channel), (t.occurred_at, t.event_id)),
            toUInt64(0), toUInt64(0), CAST(map(), 'Map(String, Decimal(38, 4))')
        ) AS line
    FROM $database.touchpoints AS t
    WHERE isNotNull(t.profile_id)
    GROUP BY profile_id
    UNION ALL
    SELECT
        profile_id,
        (
            groupUniqArray(identifier), toUInt64(0), toDateTime64('2299-12-31 00:00:00', 6, 'UTC'),
            toDateTime64(0, 6, 'UTC'), toUInt64(0), '', toUInt64(0), toUInt64(0), CAST(map(), 'Map(String, Decimal(38, 4))')
        )
    FROM $database.identifiers
    GROUP BY profile_id
    UNION ALL
    SELECT
        profile_id,
        (
            CAST([], 'Array(String)'), toUInt64(0), toDateTime64('2299-12-31 00:00:00', 6, 'UTC'),
            toDateTime64(0, 6, 'UTC'), toUInt64(0), '', count(), toUInt64(0), CAST(map(), 'Map(String, Decimal(38, 4))')
        )
    FROM $database.journeys
    GROUP BY profile_id
    UNION ALL
    SELECT
        profile_id,
        (
            CAST([], 'Array(String)'), toUInt64(0), toDateTime64('2299-12-31 00:00:00', 6, 'UTC'),
            toDateTime64(0, 6, 'UTC'), toUInt64(0), '', toUInt64(0), count(),
            sumMap(map(ifNull(toString(currency), ''), net))
        )
    FROM $database.conversions
    GROUP BY profile_id
)
GROUP BY profile_id
HAVING touchpoints > 0 OR notEmpty(identifiers);

-- The Customer 360. segments is the attribute of that name: a list, or names parted by commas.
CREATE OR REPLACE VIEW $database.customer_360 $on_cluster AS
SELECT
    p.profile_id AS profile_id, p.identifiers AS identifiers,
    a.attributes AS attributes, a.attributes_written_at AS attributes_written_at,
    arrayFilter(segment -> segment != '', arrayMap(segment -> trimBoth(segment), if(
        startsWith(a.attributes['segments'], '['),
        JSONExtract(a.attributes['segments'], 'Array(String)'),
        splitByChar(',', if(a.attributes['segments'] = '', a.attributes['segment'], a.attributes['segments']))))) AS segments,
    c.consent AS consent, c.consent_said_at AS consent_said_at,
    p.first_contact AS first_contact, p.last_contact AS last_contact, p.first_channel AS first_channel,
    p.touchpoints AS touchpoints, p.journeys AS journeys, p.conversions AS conversions, p.value AS value,
    p.complaints AS complaints
FROM $database.profiles AS p
LEFT ANY JOIN
(
    SELECT
        profile_id,
        CAST(arraySort(groupArray((name, value))), 'Map(String, String)') AS attributes,
        CAST(arraySort(groupArray((name, written_at))), 'Map(String, DateTime64(6, \'UTC\'))') AS attributes_written_at
    FROM $database.profile_attributes
    GROUP BY profile_id
) AS a ON a.profile_id = p.profile_id
LEFT ANY JOIN
(
    SELECT
        profile_id,
        CAST(arraySort(groupArray((purpose, allowed))), 'Map(String, Bool)') AS consent,
        CAST(arraySort(groupArray((purpose, said_at))), 'Map(String, DateTime64(6, \'UTC\'))') AS consent_said_at
    FROM $database.profile_consent
    GROUP BY profile_id
) AS c ON c.profile_id = p.profile_id;
