WITH RECURSIVE c (i, a, b) AS (SELECT id, 'x', 'y' FROM orders UNION ALL SELECT k.id, k.email, c.a FROM c JOIN shared.orders k ON k.id = c.i) SELECT i FROM c WHERE b > 'm'
