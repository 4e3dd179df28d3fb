-- What people have decided about an identifier, the oldest first.
SELECT command_id, action, identifier, other, requested_at, requested_by, reason
FROM $database.identity_commands
WHERE identifier = {identifier:String} OR other = {identifier:String}
ORDER BY requested_at, command_id
