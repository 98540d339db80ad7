SELECT email FROM shared.orders UNION SELECT email FROM orders
