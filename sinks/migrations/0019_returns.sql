-- A return that names nobody, and whose order nobody is known to have bought, has a profile that its order names. That is
-- no customer: `profiles`, and with it the Customer 360, leaves it out. value is the net revenue by currency.
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
HAVING (touchpoints > 0 OR notEmpty(identifiers))
    AND (conversions > 0 OR empty(identifiers) OR arrayExists(one -> NOT startsWith(one, 'order:'), identifiers))
COMMENT 'One row per customer, over all channels; erased customers are none';

ALTER TABLE $database.profiles $on_cluster
    COMMENT COLUMN profile_id 'the customer; joins touchpoints, journeys, conversions and credits',
    COMMENT COLUMN identifiers 'what the customer is known by, kind:value',
    COMMENT COLUMN first_contact 'time of the first event; NULL: there is none',
    COMMENT COLUMN last_contact 'time of the last event; NULL: there is none',
    COMMENT COLUMN touchpoints 'events',
    COMMENT COLUMN complaints 'events that are complaints',
    COMMENT COLUMN first_channel 'channel of the first event; empty: there is none',
    COMMENT COLUMN journeys 'journeys',
    COMMENT COLUMN conversions 'conversions',
    COMMENT COLUMN value 'net revenue by currency, in units of it';
