SELECT array_agg(sales.shared ORDER BY orders min(sku), count(*) FROM sales.sales CROSS JOIN order_items * FULL JOIN customers AS "a b" ON sales.shared = "a b".country
