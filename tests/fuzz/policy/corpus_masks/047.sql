SELECT email, count(*) FROM shared.orders GROUP BY 1
