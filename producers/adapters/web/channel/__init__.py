"""Where a visitor came from: a channel by the catalogue's rules, known referrers, and what sent the request."""
