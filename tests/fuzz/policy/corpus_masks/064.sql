SELECT email FROM shared.orders INTERSECT ALL SELECT email FROM orders
