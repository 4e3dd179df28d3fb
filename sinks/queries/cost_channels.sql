SELECT day, arraySort(groupUniqArray(toString(channel))) FROM $database.costs WHERE source = {source:String} GROUP BY day
