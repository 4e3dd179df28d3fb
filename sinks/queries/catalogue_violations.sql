SELECT count() FROM $database.attribution_violations
