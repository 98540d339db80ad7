SELECT CASE WHEN email = '***' THEN 1 END FROM shared.orders FOR UPDATE
