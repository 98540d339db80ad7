SELECT name, count(*) FROM shared.orders GROUP BY name ORDER BY 2 DESC
