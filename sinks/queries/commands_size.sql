SELECT count() FROM $database.commands_log FINAL WHERE epoch < {epoch:UInt16}
