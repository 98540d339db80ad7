SELECT email FROM orders UNION SELECT email FROM shared.orders
