SELECT email AS m, count(*) FROM shared.orders GROUP BY GROUPING SETS ((1), ())
