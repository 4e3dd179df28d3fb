-- A decision, by its id.
SELECT command_id, action, identifier, other, requested_at, requested_by, reason
FROM $database.identity_commands
WHERE command_id = {command_id:UUID}
LIMIT 1
