SELECT * FROM shared.orders
