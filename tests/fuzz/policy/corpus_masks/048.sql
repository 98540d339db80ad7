SELECT email AS m, count(*) FROM shared.orders GROUP BY m
