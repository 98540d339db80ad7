SELECT CASE WHEN id > 1 THEN email END FROM shared.orders
