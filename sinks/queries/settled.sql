-- What became of the accepted events: each is queryable, in quarantine, or (while work is going on) not yet either.
-- Events of this epoch at or beyond the ends came later, and are not asked for.
WITH
    {partitions:Array(UInt32)} AS partitions,
    {ends:Array(UInt64)} AS ends
SELECT
    (SELECT count() FROM $database.collected_log FINAL) AS accepted,
    (SELECT count() FROM $database.touchpoints_log FINAL) AS queryable,
    (SELECT count() FROM $database.quarantine_log FINAL) AS quarantined,
    (
        SELECT count()
        FROM $database.collected_log FINAL
        WHERE (epoch != {epoch:UInt16} OR kafka_offset < ends[indexOf(partitions, kafka_partition)])
            AND event_id NOT IN (SELECT event_id FROM $database.touchpoints_log)
            AND value NOT IN
            (
                SELECT if(encoding = 'base64', base64Decode(raw), raw)
                FROM $database.quarantine_log
                WHERE source = 'topic:touchpath.collected'
            )
    ) AS missing
