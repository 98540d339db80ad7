SELECT name FROM shared.orders GROUP BY name HAVING max(email) > 'm'
