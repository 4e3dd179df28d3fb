-- Distinct paths with how often they converted and how often not, in order of path.
--
-- Converting: the paths of conversions, as the worker found them. Not converting: journeys without such a conversion
-- that were idle when the window ended; their path is made here by the worker's rules, at the time of the
-- journey's last event: events that may earn credit, and of each visit the event that opens it, within the look-back.
--
-- Erased customers' conversions (profile 0, nobody's) are learned from, each with its own path. Their journeys that did not
-- convert are left out, as what they had met is gone; so the rate is too high by these, few as they are.
WITH
    ended AS
    (
        SELECT journey_id, profile_id, last_at
        FROM $database.journeys
        WHERE profile_id != toUUID('00000000-0000-0000-0000-000000000000') AND last_at >= {since:DateTime64(6, 'UTC')}
            AND last_at < {until:DateTime64(6, 'UTC')} - toIntervalMicrosecond({idle:Int64})
            AND journey_id NOT IN
            (
                SELECT journey_id FROM $database.conversions
                WHERE if(empty({conversions:Array(String)}), closing, has({conversions:Array(String)}, toString(conversion)))
            )
    ),
    converted AS
    (
        SELECT conversion_id FROM $database.conversions WHERE profile_id IN (SELECT profile_id FROM ended)
    ),
    events AS
    (
        SELECT
            assumeNotNull(t.profile_id) AS profile_id,
            toUnixTimestamp64Micro(t.occurred_at) AS at,
            UUIDToNum(t.event_id) AS id,
            toString(t.touchpoint) AS touchpoint,
            toString(t.channel) AS channel,
            CAST(t.campaign, 'Nullable(String)') AS campaign,
            concat(channel, '/', touchpoint) AS kind,
            JSONExtractBool(t.body, 'machine') OR JSONExtractBool(t.body, 'bot') AS machine,
            -- A conversion that names no device was told by a server: nobody was seen there.
            NOT machine AND has({visiting:Array(String)}, kind)
                AND (device != '' OR t.event_id NOT IN (SELECT conversion_id FROM converted)) AS visiting,
            NOT machine AND has({earning:Array(String)}, kind) AS earning,
            arraySort(arrayFilter((value, kind) -> kind = 'device', t.identifiers.value, t.identifiers.kind)) AS devices,
            arraySort(arrayFilter((value, kind) -> kind = 'anonymous', t.identifiers.value, t.identifiers.kind)) AS browsers,
            if(notEmpty(devices), devices[1], browsers[1]) AS device,
            -- What the places say that tell of consent; a text without its quotes.
            if(multiSearchAny(t.properties, {consent_names:Array(String)}),
                arrayMap(
                    place -> lower(trimBoth(trim(BOTH '"' FROM
                        arrayFold((json, name) -> JSONExtractRaw(json, name), place, t.properties)))),
                    {consent:Array(Array(String))}),
                []) AS words,
            multiIf(hasAny(words, {no_words:Array(String)}), 'no', hasAny(words, {yes_words:Array(String)}), 'yes', '') AS said
        FROM $database.touchpoints AS t
        WHERE isNotNull(t.profile_id) AND NOT t.beyond_horizon AND t.occurred_at < {until:DateTime64(6, 'UTC')}
            AND t.profile_id IN (SELECT profile_id FROM ended)
    ),
    -- All windows have one order, so that events are sorted once.
    pauses AS
    (
        SELECT
            *,
            row_number() OVER previous = 1 OR at - lagInFrame(at) OVER previous >= {visit_gap:Int64} AS paused
        FROM events
        WHERE visiting OR earning
        WINDOW previous AS (PARTITION BY profile_id, visiting, device ORDER BY at, id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    ),
    stretches AS
    (
        SELECT
            *,
            sum(paused) OVER (PARTITION BY profile_id, visiting, device ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch,
            concat(toString(stretch), '/', campaign) AS named
        FROM pauses
    ),
    openers AS
    (
        -- A visit has the last campaign that was named in its stretch: naming another one opens another visit.
        SELECT *, paused OR (isNotNull(named) AND ifNull(named != anyLast(named) OVER before, true)) AS opens
        FROM stretches
        WINDOW before AS (PARTITION BY profile_id, visiting, device ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ),
    -- What people have decided on consent, at whatever time, kept by the fold or not: a no hides all that came before it.
    decisions AS
    (
        SELECT
            assumeNotNull(t.profile_id) AS profile_id,
            (toUnixTimestamp64Micro(t.occurred_at), UUIDToNum(t.event_id)) AS decided_at,
            arrayMap(
                places -> arrayMap(
                    place -> lower(trimBoth(trim(BOTH '"' FROM
                        arrayFold((json, name) -> JSONExtractRaw(json, name), place, t.properties)))),
                    places),
                [{decided:Array(Array(String))}, {consent:Array(Array(String))}]) AS words,
            arrayFilter(
                word -> word != '',
                arrayMap(
                    words -> multiIf(
                        hasAny(words, {no_words:Array(String)}), 'no', hasAny(words, {yes_words:Array(String)}), 'yes', ''),
                    words))[1] AS said
        FROM $database.touchpoints AS t
        WHERE isNotNull(t.profile_id) AND t.profile_id IN (SELECT profile_id FROM ended)
            AND has({deciding:Array(String)}, toString(t.touchpoint))
    ),
    -- What says yes itself is hidden up to the last no, all else up to the first yes behind that.
    veils AS
    (
        SELECT
            profile_id, maxIf(decided_at, said = 'no') AS no,
            arraySort(arrayFilter(yes -> yes > no, groupArrayIf(decided_at, said = 'yes'))) AS allowed
        FROM decisions
        GROUP BY profile_id
        HAVING countIf(said = 'no') > 0
    ),
    lives AS
    (
        SELECT
            profile_id,
            arraySort(groupArray((at, id, multiIf(
                said = 'no'
                    OR (said = '' AND {unknown_withheld:Bool})
                    OR (v.hides AND if(said = 'yes', (at, id) <= v.no, empty(v.allowed) OR (at, id) < v.allowed[1])),
                'withheld',
                {level:String} = 'touchpoint', touchpoint,
                {level:String} = 'campaign' AND notEmpty(ifNull(campaign, '')), concat(channel, '/', assumeNotNull(campaign)),
                channel)))) AS touches
        FROM openers AS o
        LEFT JOIN (SELECT *, true AS hides FROM veils) AS v ON v.profile_id = o.profile_id
        WHERE earning OR opens
        GROUP BY profile_id
    ),
    closings AS
    (
        SELECT profile_id, groupArray((toUnixTimestamp64Micro(occurred_at), UUIDToNum(conversion_id))) AS ends
        FROM $database.conversions
        WHERE closing AND {stop_at_conversion:Bool} AND profile_id != toUUID('00000000-0000-0000-0000-000000000000')
        GROUP BY profile_id
    ),
    missed AS
    (
        SELECT
            toUnixTimestamp64Micro(e.last_at) AS end,
            arraySort(arrayPushFront(
                arrayFilter(closed -> closed.1 <= end, c.ends), (toInt64(-4611686018427387904), toFixedString('', 16))))[-1] AS after,
            arrayMap(touch -> touch.3, arrayFilter(
                touch -> touch.1 >= end - {look_back:Int64} AND touch.1 <= end AND (touch.1, touch.2) > after, l.touches)) AS found,
            if(length(found) > {max_path:Int64},
                arrayConcat([found[1]], arraySlice(found, length(found) - {max_path:Int64} + 2)), found) AS path
        FROM ended AS e
        LEFT JOIN lives AS l ON l.profile_id = e.profile_id
        LEFT JOIN closings AS c ON c.profile_id = e.profile_id
    )
SELECT path, sum(converting) AS converted, sum(others) AS missed, sum(worth) AS value
FROM
(
    SELECT
        arrayMap(
            (touchpoint, channel, campaign) -> multiIf(
                {level:String} = 'touchpoint', toString(touchpoint),
                {level:String} = 'campaign' AND notEmpty(ifNull(campaign, '')), concat(channel, '/', assumeNotNull(campaign)),
                toString(channel)),
            path.touchpoint, path.channel, path.campaign) AS path,
        1 AS converting, 0 AS others,
        if(ifNull(toString(currency), '') = {currency:String}, net_minor, 0) AS worth
    FROM $database.conversions
    WHERE if(empty({conversions:Array(String)}), closing, has({conversions:Array(String)}, toString(conversion)))
        AND occurred_at >= {since:DateTime64(6, 'UTC')} AND occurred_at < {until:DateTime64(6, 'UTC')}
    UNION ALL
    SELECT path, 0, 1, 0 FROM missed WHERE notEmpty(path)
)
GROUP BY path
ORDER BY path
