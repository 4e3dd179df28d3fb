SELECT count() FROM $database.collected_log FINAL WHERE epoch < {epoch:UInt16}
