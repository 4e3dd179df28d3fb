-- The records of the fits whose id begins so; without any, of those in force.
SELECT record
FROM $database.model_fits_log FINAL
WHERE if({fit:String} = '',
    fit_id IN (SELECT argMax(fit_id, published_at) FROM $database.model_publications_log GROUP BY model),
    startsWith(toString(fit_id), {fit:String}))
ORDER BY model
LIMIT 1000
