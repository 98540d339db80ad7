SELECT DISTINCT email FROM shared.orders
