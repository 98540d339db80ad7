SELECT l.e FROM shared.orders c, LATERAL (SELECT c.email AS e) AS l
