-- What people have decided about an identifier, and what has parted those whom it was merged with; the newest first.
SELECT command_id, action, identifier, other, requested_at, requested_by, reason
FROM $database.identity_commands
WHERE identifier = {identifier:String}
    OR other = {identifier:String}
    OR (action = 'unmerge' AND identifier IN (
        SELECT if(identifier = {identifier:String}, assumeNotNull(other), identifier)
        FROM $database.identity_commands
        WHERE action = 'merge' AND (identifier = {identifier:String} OR other = {identifier:String})))
ORDER BY requested_at DESC, command_id DESC
LIMIT {most:UInt64}
