SELECT email, g FROM shared.orders, generate_series(1, 2) AS g WHERE g > 1
