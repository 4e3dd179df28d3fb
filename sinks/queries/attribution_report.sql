-- What each name earned by each model, of the conversions of a window: credit and value as the ledger had them at as_of.
SELECT
    toString(model), toString(line),
    multiIf(
        line != 'touch', '',
        {level:String} = 'channel', toString(assumeNotNull(channel)),
        {level:String} = 'touchpoint', toString(assumeNotNull(touchpoint)),
        isNull(campaign), toString(assumeNotNull(channel)),
        concat(toString(assumeNotNull(channel)), '/', toString(assumeNotNull(campaign)))) AS name,
    ifNull(toString(currency), ''), max(minor_digits), sum(credit), sum(value_minor)
FROM $database.credits_as_of(as_of = {as_of:DateTime64(6, 'UTC')})
WHERE occurred_at >= {since:DateTime64(6, 'UTC')} AND occurred_at < {until:DateTime64(6, 'UTC')}
    AND (empty({conversions:Array(String)}) OR conversion IN {conversions:Array(String)})
GROUP BY model, line, name, currency
HAVING sum(credit) != 0 OR sum(value_minor) != 0
ORDER BY model, line, name, currency
