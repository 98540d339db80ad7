WITH RECURSIVE c AS (SELECT id, email FROM shared.orders UNION ALL SELECT c.* FROM c WHERE c.id < 3) SELECT email FROM c
