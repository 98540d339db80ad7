WITH RECURSIVE a AS (SELECT email AS x FROM b), b AS (SELECT email FROM shared.orders) SELECT 1 FROM a WHERE x > 'm'
