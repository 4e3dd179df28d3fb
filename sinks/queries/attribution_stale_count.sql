SELECT uniqExact(conversion_id), uniqExact(profile_id) FROM $database.attribution_stale
