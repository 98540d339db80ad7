SELECT 1 FROM (SELECT id, 'x' AS e FROM orders UNION ALL SELECT id, email FROM shared.orders) AS u WHERE u.e > 'm'
