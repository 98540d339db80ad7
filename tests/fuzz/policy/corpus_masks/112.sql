SELECT 1 FROM shared.orders c, LATERAL (VALUES (lower(c.email))) AS l (e)
