SELECT a.y, count(*) FROM sales.a GROUP BY a.y
