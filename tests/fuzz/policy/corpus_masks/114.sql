SELECT 1 FROM (shared.orders c JOIN visits v ON v.id = c.id) AS j (a, b, d, e) WHERE e > 'm'
