UPDATE sales.notes SET body = c.email FROM shared.orders c WHERE c.id = notes.id
