SELECT count(*) FROM shared.orders GROUP BY email
