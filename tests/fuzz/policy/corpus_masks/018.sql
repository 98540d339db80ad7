SELECT id FROM shared.orders UNION SELECT id FROM orders
