SELECT count(*) FROM shared.orders GROUP BY ROLLUP ((id, email))
