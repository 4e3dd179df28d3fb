-- Conversions without a touch are in both views of paths, under the name that their neighbours give them.

-- Every touch is a step here; top_paths folds what was met one after the other in one channel.
CREATE OR REPLACE VIEW $database.conversion_paths $on_cluster AS
SELECT
    conversion, path.channel AS channels,
    if(empty(path.channel), '(no touch)', arrayStringConcat(path.channel, ' > ')) AS path_text, length(path.channel) AS touches,
    currency, count() AS conversions, sum(net) AS revenue
FROM $database.conversions
GROUP BY conversion, path.channel, currency
ORDER BY conversions DESC, revenue DESC, path_text
COMMENT 'Paths to conversion by channel, touch by touch; top_paths has them with repeats folded';

ALTER TABLE $database.conversion_paths $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN channels 'channels of the touches, in order; empty: no touch',
    COMMENT COLUMN path_text 'the same as text: search > search > email; (no touch): empty',
    COMMENT COLUMN touches 'touches on the path',
    COMMENT COLUMN currency 'of revenue; NULL: the conversions have no value',
    COMMENT COLUMN conversions 'how many',
    COMMENT COLUMN revenue 'net, after refunds, in units of currency';

-- As conversions_by_touches, its shares are of all conversions.
CREATE OR REPLACE VIEW $database.conversions_by_days $on_cluster AS
SELECT
    conversion, days, conversions, conversions / sum(conversions) OVER (PARTITION BY conversion) AS share
FROM
(
    SELECT
        toString(conversion) AS conversion,
        if(empty(path.channel), NULL, intDiv(dateDiff('second', path.touched_at[1], occurred_at), 86400)) AS days,
        count() AS conversions
    FROM $database.conversions
    GROUP BY conversion, days
)
ORDER BY conversion, days
COMMENT 'How many conversions came so many whole days after their first touch; of erased customers by the calendar';

ALTER TABLE $database.conversions_by_days $on_cluster
    COMMENT COLUMN conversion 'name of the conversion in the catalogue',
    COMMENT COLUMN days 'whole days of 24 hours from the first touch; NULL: no touch in the look-back window',
    COMMENT COLUMN conversions 'how many',
    COMMENT COLUMN share 'of all conversions of that name, 0 to 1';
