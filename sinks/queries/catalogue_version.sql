SELECT max(version) FROM $database.catalogue_log
