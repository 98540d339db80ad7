WITH RECURSIVE c AS (SELECT id, email FROM shared.orders UNION ALL SELECT c.id + 1, c.email FROM c WHERE c.id < 3) SELECT * FROM c
