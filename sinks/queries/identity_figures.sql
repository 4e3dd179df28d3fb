-- How much is in a profile.
SELECT
    (
        SELECT uniqExact(identifier)
        FROM $database.identifiers
        WHERE profile_id = {profile_id:UUID}
            AND identifier IN (
                SELECT identifier FROM $database.profile_changes
                WHERE profile_id = {profile_id:UUID} AND change != 'stopped')
    ) AS identifiers,
    (SELECT sum(touchpoints) FROM $database.journeys WHERE profile_id = {profile_id:UUID}) AS touchpoints,
    (SELECT count() FROM $database.journeys WHERE profile_id = {profile_id:UUID}) AS journeys,
    (SELECT count() FROM $database.conversions WHERE profile_id = {profile_id:UUID}) AS conversions
