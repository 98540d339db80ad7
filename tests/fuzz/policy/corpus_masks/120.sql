WITH d AS (DELETE FROM sales.notes USING shared.orders c WHERE c.email = notes.body RETURNING 1) SELECT 1 FROM d
