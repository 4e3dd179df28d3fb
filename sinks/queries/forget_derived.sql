-- What the workers make of the archive, and will make again. What was accepted, and what people decided, stays.
TRUNCATE TABLE $database.touchpoints_log $on_cluster;
TRUNCATE TABLE $database.placements_log $on_cluster;
TRUNCATE TABLE $database.profiles_log $on_cluster;
TRUNCATE TABLE $database.journeys_log $on_cluster;
TRUNCATE TABLE $database.conversions_log $on_cluster;
TRUNCATE TABLE $database.credits_log $on_cluster;
TRUNCATE TABLE $database.marks_log $on_cluster;
