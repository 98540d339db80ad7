SELECT float8 '7.5' FROM generate_series(date '2026-01-01', date '2026-01-04', interval '1 day') AS y (f), sales.customers AS x, sales."Odd Table" AS t2 CROSS JOIN sales ORDER BY 1
