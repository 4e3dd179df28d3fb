-- How many profiles must look at themselves again, and how many touchpoints must be read again.
SELECT
    (
        SELECT uniqExactIf(profile_id, isNotNull(profile_id)) FROM $database.touchpoints WHERE NOT {only_conversions:Bool}
    ) + (
        SELECT uniqExact(profile_id) FROM $database.conversions WHERE {only_conversions:Bool}
    ),
    (
        SELECT count() FROM $database.touchpoints
        WHERE isNotNull(profile_id)
            AND ({every:Bool} OR arrayExists(name -> touchpoint = name OR startsWith(touchpoint, name || '.'), {names:Array(String)}))
    )
