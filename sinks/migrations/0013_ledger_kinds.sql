-- Which models have entries of which conversions; what asks the whole ledger asks this first.

-- Copies of an entry have its model, conversion and time, so that one life of the broker needs no FINAL.
CREATE OR REPLACE VIEW $database.ledger_kinds $on_cluster AS
SELECT toString(k.model) AS model, toString(k.conversion) AS conversion, min(k.first_at) AS first_at
FROM
(
    SELECT model, conversion, min(recorded_at) AS first_at
    FROM $database.credits_log WHERE (SELECT min(epoch) = max(epoch) FROM $database.credits_log)
    GROUP BY model, conversion
    UNION ALL
    SELECT model, conversion, min(recorded_at)
    FROM $database.credits WHERE (SELECT min(epoch) != max(epoch) FROM $database.credits_log)
    GROUP BY model, conversion
) AS k
GROUP BY k.model, k.conversion
ORDER BY model, conversion
COMMENT 'Which models have an entry of which conversions, and since when';

ALTER TABLE $database.ledger_kinds $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN first_at 'arrival of what caused the first entry';
