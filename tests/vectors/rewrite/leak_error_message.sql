--- leaks.md error_message: names and rows must not come back through an error's text.
-- use standard.policy

-- case: unknown relation hints at none
SELECT * FROM sale.orders
-- refuse: 42501 relation.not_allowed

-- case: raise
DO $$ BEGIN RAISE EXCEPTION 'x'; END $$
-- refuse: 42501 statement.function

-- case: whole failing row by CHECK
INSERT INTO shared.orders VALUES (NULL)
-- refuse: 42501 statement.write

