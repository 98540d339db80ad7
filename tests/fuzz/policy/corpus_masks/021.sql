SELECT count(*) FROM shared.orders
