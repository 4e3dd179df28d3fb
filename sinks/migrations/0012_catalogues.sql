-- Which catalogue the ledger follows: each that was applied, the newest row being the one in force.

CREATE TABLE IF NOT EXISTS $database.catalogues_log $on_cluster
(
    digest String COMMENT 'of all that journeys, conversions and credits are derived by',
    rates String COMMENT 'SHA-256 of the exchange rates',
    catalogue String CODEC(ZSTD(3)) COMMENT 'JSON, without the rates',
    applied_at DateTime64(6, 'UTC')
)
ENGINE = ${replicated}ReplacingMergeTree
ORDER BY (applied_at, digest)
COMMENT 'Behind catalogues, with the digest of the rates: read the view';

CREATE OR REPLACE VIEW $database.catalogues $on_cluster AS
SELECT digest, applied_at, applied_at = (SELECT max(applied_at) FROM $database.catalogues_log) AS in_force, catalogue
FROM $database.catalogues_log FINAL
ORDER BY applied_at
COMMENT 'Catalogues that all journeys and credits have followed, and since when; touchpath catalogue apply adds one';

ALTER TABLE $database.catalogues $on_cluster
    COMMENT COLUMN digest 'of all that journeys, conversions and credits are derived by; labels are not part of it',
    COMMENT COLUMN applied_at 'since when it holds; reversals and new entries are dated so, but for what was read again',
    COMMENT COLUMN in_force 'the newest one',
    COMMENT COLUMN catalogue 'the whole catalogue, as JSON, without the exchange rates';
