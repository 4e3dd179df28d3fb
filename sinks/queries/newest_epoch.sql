SELECT max(epoch) FROM $database.clusters_log
