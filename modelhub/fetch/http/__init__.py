"""HTTP within bounds: sessions, redirects, bodies and JSON answers, for services and downloads alike."""
