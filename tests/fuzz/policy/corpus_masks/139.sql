MERGE INTO sales.notes USING shared.orders c ON c.id = notes.id WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.email)
