SELECT 1 FROM shared.orders c, LATERAL (VALUES (c.id, c.email)) AS l (i, e) WHERE l.e > 'm'
