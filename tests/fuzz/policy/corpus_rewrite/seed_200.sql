SELECT o.email, o.total, o FROM shared.orders o WHERE o.id = 5 AND o.id IN (1, 2)
