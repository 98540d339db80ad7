--- leaks.md error_message: names and rows must not come back through an error's text.
-- use standard.policy

-- case: unknown relation hints at none
SELECT * FROM sale.orders
-- refuse: 42501

-- case: raise
DO $$ BEGIN RAISE EXCEPTION 'x'; END $$
-- refuse: ?

-- case: whole failing row by CHECK
INSERT INTO shared.orders VALUES (NULL)
-- refuse: ?

