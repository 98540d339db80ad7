WITH RECURSIVE c (i, e) AS (SELECT id, 'x' FROM orders UNION ALL SELECT k.id, k.email FROM c JOIN shared.orders k ON k.id = c.i) SELECT i FROM c WHERE e > 'm'
