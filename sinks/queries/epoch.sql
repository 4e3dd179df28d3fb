SELECT epoch FROM $database.clusters_log FINAL WHERE cluster_id = {cluster_id:String}
