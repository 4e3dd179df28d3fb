-- Touchpoints of some names (or all) as they were accepted, and whose they are by now, profile by profile. only_moved:
-- those that have moved behind the given places. Both sides are sorted, and spill to disk: memory stays bounded.
SELECT t.profile_id, c.value
FROM (SELECT event_id, value FROM $database.collected_log FINAL) AS c
INNER JOIN
(
    SELECT event_id, assumeNotNull(profile_id) AS profile_id, occurred_at
    FROM $database.touchpoints
    WHERE isNotNull(profile_id)
        AND ({every:Bool} OR arrayExists(name -> touchpoint = name OR startsWith(touchpoint, name || '.'), {names:Array(String)}))
        AND (NOT {only_moved:Bool} OR event_id IN
        (
            SELECT event_id FROM $database.placements_log
            WHERE bitShiftLeft(toUInt64(epoch), 48) + kafka_offset > transform(
                toUInt64(kafka_partition), {partitions:Array(UInt64)}, {places:Array(UInt64)}, toUInt64(0))
        ))
) AS t ON t.event_id = c.event_id
ORDER BY t.profile_id, t.occurred_at, t.event_id
SETTINGS join_algorithm = 'full_sorting_merge', max_bytes_before_external_sort = 200000000,
    max_bytes_ratio_before_external_sort = 0, max_block_size = 8192
