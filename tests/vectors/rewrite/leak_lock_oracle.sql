--- leaks.md lock_oracle: row locks show who holds what.
-- use standard.policy

-- case: FOR UPDATE
SELECT * FROM shared.orders FOR UPDATE
-- refuse: 0A000 statement.lock

-- case: FOR SHARE SKIP LOCKED
SELECT * FROM shared.orders FOR SHARE SKIP LOCKED
-- refuse: 0A000 statement.lock

-- case: FOR NO KEY UPDATE NOWAIT
SELECT * FROM sales.orders FOR NO KEY UPDATE NOWAIT
-- refuse: 0A000 statement.lock

-- case: FOR KEY SHARE in a sub-query
SELECT * FROM (SELECT * FROM sales.orders FOR KEY SHARE) s
-- refuse: 0A000 statement.lock

-- case: OF one relation
SELECT * FROM sales.a, sales.b FOR UPDATE OF a
-- refuse: 0A000 statement.lock

-- case: in WITH
WITH w AS (SELECT * FROM sales.a FOR UPDATE) SELECT * FROM w
-- refuse: 0A000 statement.lock

-- case: LOCK TABLE
LOCK TABLE shared.orders IN ACCESS EXCLUSIVE MODE
-- refuse: 42501 statement.utility

