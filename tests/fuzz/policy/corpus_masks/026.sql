WITH orders AS (SELECT 1 AS email) SELECT email FROM orders WHERE email = 1
