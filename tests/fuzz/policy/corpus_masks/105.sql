WITH RECURSIVE c AS (SELECT id, email FROM shared.orders UNION SELECT id, email FROM c) SELECT id FROM c
