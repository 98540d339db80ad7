SELECT id, email FROM shared.orders UNION ALL SELECT id, email FROM orders ORDER BY id
