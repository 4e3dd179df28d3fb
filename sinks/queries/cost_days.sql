SELECT day, batch, version FROM $database.cost_days_log FINAL WHERE source = {source:String}
