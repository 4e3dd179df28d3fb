-- What the workers make of the archive, and will make again. What was accepted, and what people decided, stays; so does
-- what is said of nobody: the touchpoints of erased customers are in no archive that it could be made of again.
TRUNCATE TABLE $database.touchpoints_log $on_cluster;
TRUNCATE TABLE $database.placements_log $on_cluster;
TRUNCATE TABLE $database.profiles_log $on_cluster;
ALTER TABLE $database.journeys_log $on_cluster DELETE WHERE profile_id != toUUID('00000000-0000-0000-0000-000000000000') SETTINGS mutations_sync = 2;
ALTER TABLE $database.conversions_log $on_cluster DELETE WHERE profile_id != toUUID('00000000-0000-0000-0000-000000000000') SETTINGS mutations_sync = 2;
ALTER TABLE $database.credits_log $on_cluster DELETE WHERE profile_id != toUUID('00000000-0000-0000-0000-000000000000') SETTINGS mutations_sync = 2;
TRUNCATE TABLE $database.marks_log $on_cluster;
