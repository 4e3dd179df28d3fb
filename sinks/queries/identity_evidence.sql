-- What is behind changes: events and people's decisions, by their ids.
SELECT event_id AS id, toString(touchpoint) AS touchpoint, toString(source) AS source, '' AS requested_by, '' AS reason
FROM $database.touchpoints_log FINAL
WHERE event_id IN {ids:Array(UUID)}
UNION ALL
SELECT command_id, '', '', requested_by, ifNull(reason, '')
FROM $database.identity_commands
WHERE command_id IN {ids:Array(UUID)}
