SELECT l.e FROM shared.orders c, LATERAL (VALUES (c.id, c.email)) AS l (i, e)
