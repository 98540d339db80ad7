WITH RECURSIVE a AS (SELECT email FROM b), b AS (SELECT email FROM shared.orders) SELECT email FROM a
