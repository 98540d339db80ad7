WITH c (a, b) AS (SELECT id, email FROM shared.orders) SELECT b FROM c ORDER BY a
