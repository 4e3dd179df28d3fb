-- Which data-driven models are in force, and conversions that are booked by other fits than those.

ALTER TABLE $database.model_publications_log $on_cluster
    ADD COLUMN IF NOT EXISTS withdrawn Bool DEFAULT false
        COMMENT 'the fit was taken out of force, and none took its place';

-- Of each model the last that was done. A published model with the name of one of the catalogue is passed over by workers.
CREATE OR REPLACE VIEW $database.models_published $on_cluster AS
SELECT
    toString(l.model) AS model, argMax(l.fit_id, l.published_at) AS fit_id, max(l.published_at) AS since,
    argMax(l.withdrawn, l.published_at) AS is_withdrawn,
    toBool(model IN (
        SELECT arrayJoin(models) FROM $database.catalogue_log FINAL
        WHERE version = (SELECT max(version) FROM $database.catalogue_log))) AS is_taken,
    toBool(NOT is_withdrawn AND NOT is_taken) AS in_force
FROM $database.model_publications_log AS l
GROUP BY l.model
ORDER BY model
COMMENT 'Data-driven models that were ever published: which fit, since when, and is it in force';

ALTER TABLE $database.models_published $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN fit_id 'the fit that was published or withdrawn last',
    COMMENT COLUMN since 'when that was',
    COMMENT COLUMN is_withdrawn 'it was withdrawn',
    COMMENT COLUMN is_taken 'the catalogue has a model of that name, which is applied instead',
    COMMENT COLUMN in_force 'workers split conversions by it';

CREATE OR REPLACE VIEW $database.model_fits $on_cluster AS
SELECT
    f.fit_id AS fit_id, f.model AS model, f.kind AS kind, f.chain_order AS chain_order, f.level AS level,
    f.fitted_at AS fitted_at, if(p.times = 0, NULL, p.last) AS published_at,
    toBool(f.fit_id IN (SELECT fit_id FROM $database.models_published WHERE in_force)) AS in_force,
    f.since AS since, f.until AS until, f.wanted_conversions AS wanted_conversions, f.with_open AS with_open,
    f.bootstrap AS bootstrap, f.seed AS seed,
    f.rate AS rate, f.paths AS paths, f.journeys AS journeys, f.conversions AS conversions, f.pathless AS pathless,
    f.coverage AS coverage, f.one_touch AS one_touch, f.smallest_name AS smallest_name,
    f.smallest_conversions AS smallest_conversions, f.smallest_journeys AS smallest_journeys,
    f.states AS states, f.condition AS condition, f.bound AS bound, f.exact AS exact, f.permutations AS permutations,
    f.below_zero AS below_zero, f.equally AS equally, f.draws AS draws, f.currency AS currency,
    length(f.weights.name) AS names
FROM $database.model_fits_log AS f FINAL
LEFT ANY JOIN
(
    SELECT fit_id, count() AS times, max(published_at) AS last
    FROM $database.model_publications_log WHERE NOT withdrawn GROUP BY fit_id
) AS p ON p.fit_id = f.fit_id
ORDER BY model, fitted_at DESC
COMMENT 'Every fit of a data-driven model: what it was learned from, and how far it can be believed';

ALTER TABLE $database.model_fits $on_cluster
    COMMENT COLUMN fit_id 'the fit: joins model_weights, models_published and credits',
    COMMENT COLUMN model 'attribution model: the name that it is applied under',
    COMMENT COLUMN kind 'markov or shapley',
    COMMENT COLUMN chain_order 'of the Markov chain, 1 to 3; 0: Shapley',
    COMMENT COLUMN level 'what the names in model_weights are: channel, campaign or touchpoint',
    COMMENT COLUMN fitted_at 'when it was learned',
    COMMENT COLUMN published_at 'when it was published last; NULL: never',
    COMMENT COLUMN in_force 'workers split conversions by it',
    COMMENT COLUMN since 'begin of the data window; NULL: from the first on',
    COMMENT COLUMN until 'end of the data window, not in it',
    COMMENT COLUMN wanted_conversions 'names of conversions it was learned from; empty: all that close a journey',
    COMMENT COLUMN with_open 'journeys that were open at the end count as not converted',
    COMMENT COLUMN bootstrap 'draws that were asked for; 0: no intervals',
    COMMENT COLUMN seed 'of all that was drawn',
    COMMENT COLUMN rate 'conversions by journeys, 0 to 1',
    COMMENT COLUMN paths 'distinct paths',
    COMMENT COLUMN journeys 'journeys with a path',
    COMMENT COLUMN conversions 'those of them that converted',
    COMMENT COLUMN pathless 'conversions without a path: nothing is learned from them',
    COMMENT COLUMN coverage 'conversions with a path, of all, 0 to 1',
    COMMENT COLUMN one_touch 'journeys with a single touch, of all, 0 to 1',
    COMMENT COLUMN smallest_name 'the name on the fewest conversions'' paths',
    COMMENT COLUMN smallest_conversions 'conversions with it',
    COMMENT COLUMN smallest_journeys 'journeys with it',
    COMMENT COLUMN states 'of the Markov chain; 0: Shapley',
    COMMENT COLUMN condition 'condition number of the Markov chain''s equations; 1: Shapley',
    COMMENT COLUMN bound 'how far an effect can be off by arithmetic; 0: Shapley',
    COMMENT COLUMN exact 'false: Shapley of many names is estimated, see standard_error in model_weights',
    COMMENT COLUMN permutations 'drawn for that estimate; 0: it is exact',
    COMMENT COLUMN below_zero 'negative Shapley values that became a weight of 0, in parts of the positive ones',
    COMMENT COLUMN equally 'conversions shared equally, as no name of theirs has a weight',
    COMMENT COLUMN draws 'draws of the bootstrap that had a conversion',
    COMMENT COLUMN currency 'of value in model_weights; NULL: the conversions have no value',
    COMMENT COLUMN names 'rows of it in model_weights';

-- Empty once `touchpath attribution restate` is through, but for conversions beyond a profile's bound, which stay for good.
CREATE OR REPLACE VIEW $database.attribution_stale $on_cluster AS
WITH
    (SELECT (groupArray(model), groupArray(fit_id)) FROM $database.models_published WHERE in_force) AS wanted,
    arrayJoin(arrayDistinct(arrayConcat(
        wanted.1, arrayMap(name -> toString(name), mapKeys(c.fits))))) AS one
SELECT
    c.conversion_id AS conversion_id, c.profile_id AS profile_id, c.conversion AS conversion,
    c.occurred_at AS occurred_at, one AS model,
    if(mapContains(c.fits, one), c.fits[one], NULL) AS booked_fit,
    if(has(wanted.1, one), wanted.2[indexOf(wanted.1, one)], NULL) AS fit_in_force
FROM $database.conversions_log AS c FINAL
WHERE NOT c.withdrawn AND c.profile_id != toUUID('00000000-0000-0000-0000-000000000000')
    AND (booked_fit != fit_in_force OR isNull(booked_fit) != isNull(fit_in_force))
COMMENT 'Conversions that are split by another fit of a data-driven model than the one in force, by none, or by one withdrawn';

ALTER TABLE $database.attribution_stale $on_cluster
    COMMENT COLUMN conversion_id 'id of the event that converted',
    COMMENT COLUMN profile_id 'whose it is',
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN occurred_at 'time of the conversion',
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN booked_fit 'the fit that it is split by; NULL: by none',
    COMMENT COLUMN fit_in_force 'the fit that it should be split by; NULL: by none';
