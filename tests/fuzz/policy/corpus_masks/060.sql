SELECT DISTINCT * FROM shared.orders
