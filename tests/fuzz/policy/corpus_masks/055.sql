SELECT email AS m FROM shared.orders ORDER BY m
