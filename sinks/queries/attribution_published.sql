-- Models that were ever published: which fit, since when, and whether workers split conversions by it.
SELECT model, fit_id, since, is_withdrawn, is_taken, in_force FROM $database.models_published ORDER BY model
