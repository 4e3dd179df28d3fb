-- The records of the fits whose id begins so; without any, of those in force.
SELECT record
FROM $database.model_fits_log FINAL
WHERE if({fit:String} = '',
    fit_id IN (SELECT fit_id FROM $database.models_published WHERE in_force),
    startsWith(toString(fit_id), {fit:String}))
ORDER BY model
LIMIT 1000
