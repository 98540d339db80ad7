SELECT shared.orders.email FROM orders
