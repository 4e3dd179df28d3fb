SELECT
    model, fitted_at, published_at, in_force, since, until, journeys, conversions, coverage, names,
    smallest_name, smallest_conversions, exact, toString(fit_id)
FROM $database.model_fits
WHERE {model:String} = '' OR model = {model:String}
ORDER BY fitted_at DESC, model
LIMIT {limit:UInt64}
