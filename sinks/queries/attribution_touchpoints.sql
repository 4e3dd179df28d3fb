SELECT DISTINCT toString(channel), toString(touchpoint) FROM $database.touchpoints_log ORDER BY 1, 2
