SELECT l.x FROM shared.orders c, LATERAL (SELECT 1 AS x WHERE c.email > 'm') AS l
