SELECT id FROM shared.orders JOIN orders USING (email)
