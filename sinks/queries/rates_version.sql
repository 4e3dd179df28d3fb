-- The newest load of exchange rates, and what was loaded; none at first.
SELECT version, digest FROM $database.rates_log ORDER BY version DESC LIMIT 1
