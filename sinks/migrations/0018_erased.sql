-- Erased customers in the views that were there before them.

-- What an erased customer has brought is said again of nobody: profile_id 00000000-0000-0000-0000-000000000000, ids that
-- lead nowhere, no order, times cut to the day. Totals stay; nobody is no customer, and is counted as none. What of times is
-- finer than a day is off by less than a day there: the comments of those views say so.

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
    COMMENT COLUMN profiles_share 'profiles by channel_profiles, 0 to 1; NULL: no profiles',
    COMMENT COLUMN conversions_share 'conversions by channel_conversions, 0 to 1; NULL: no conversions';

-- What erased customers do to the other views is in their comments.
ALTER TABLE $database.time_to_conversion $on_cluster
    MODIFY COMMENT 'Days and touches to conversion; of erased customers whole days only, which are off by less than one';
ALTER TABLE $database.top_paths $on_cluster
    MODIFY COMMENT 'Paths to conversion by channel, the most frequent first; days of erased customers are off by less than one';
ALTER TABLE $database.journeys_by_days_to_conversion $on_cluster
    MODIFY COMMENT 'Journeys by whole days from first contact to conversion; of erased customers by the calendar';
ALTER TABLE $database.items_bought $on_cluster
    MODIFY COMMENT 'Each line of each order or receipt that converted, with the path that led there; not of erased customers';
ALTER TABLE $database.journeys $on_cluster
    MODIFY COMMENT 'Journeys that stand; those of erased customers are nobody''s, with the day for time';
