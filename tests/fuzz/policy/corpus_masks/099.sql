SELECT y FROM (SELECT id, email FROM shared.orders) AS s (y, x) WHERE x > 'm'
