SELECT to_jsonb(a) FROM sales.a
