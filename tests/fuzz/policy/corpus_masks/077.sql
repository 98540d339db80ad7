SELECT CASE WHEN email > 'm' THEN 1 END FROM shared.orders
