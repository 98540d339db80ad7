SELECT g.*, email FROM generate_series(1, 2) AS g, shared.orders ORDER BY 2
