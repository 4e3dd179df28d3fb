-- When fits of data-driven models were learned, at which level, and what each name weighs.
SELECT fit_id, fitted_at, toString(level), weights.name, weights.weight
FROM $database.model_fits_log FINAL
WHERE fit_id IN {fits:Array(UUID)}
