DELETE FROM sales.notes USING shared.orders c WHERE c.email = notes.body
