SELECT email FROM orders EXCEPT SELECT email FROM shared.orders
