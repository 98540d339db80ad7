WITH a AS (WITH b (x) AS (SELECT email FROM shared.orders) SELECT x AS y FROM b) SELECT 1 FROM a WHERE y > 'm'
