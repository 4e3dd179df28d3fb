"""Who is it: the graph of identifiers, one node for each, and the profile that each belongs to."""
