-- The catalogue that was applied last.
SELECT digest, rates, catalogue, applied_at FROM $database.catalogues_log ORDER BY applied_at DESC, digest LIMIT 1
