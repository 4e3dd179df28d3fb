SELECT ifNull(toString(currency), '') AS code, count() AS conversions, any(minor_digits) AS digits
FROM $database.conversions
WHERE if(empty({conversions:Array(String)}), closing, has({conversions:Array(String)}, toString(conversion)))
    AND occurred_at >= {since:DateTime64(6, 'UTC')} AND occurred_at < {until:DateTime64(6, 'UTC')} AND isNotNull(currency)
GROUP BY code
ORDER BY conversions DESC, code
