-- When fits of data-driven models were learned.
SELECT fit_id, fitted_at FROM $database.model_fits_log FINAL WHERE fit_id IN {fits:Array(UUID)}
