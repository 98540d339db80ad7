MERGE INTO sales.notes USING shared.orders c ON c.email = notes.body WHEN MATCHED THEN DELETE
