-- How much is in a profile.
SELECT
    (SELECT sum(touchpoints) FROM $database.journeys WHERE profile_id = {profile_id:UUID}) AS touchpoints,
    (SELECT count() FROM $database.journeys WHERE profile_id = {profile_id:UUID}) AS journeys,
    (SELECT count() FROM $database.conversions WHERE profile_id = {profile_id:UUID}) AS conversions
