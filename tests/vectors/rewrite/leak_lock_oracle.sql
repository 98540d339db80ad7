--- leaks.md lock_oracle: row locks show who holds what.
-- use standard.policy

-- case: FOR UPDATE
SELECT * FROM shared.orders FOR UPDATE
-- refuse: ?

-- case: FOR SHARE SKIP LOCKED
SELECT * FROM shared.orders FOR SHARE SKIP LOCKED
-- refuse: ?

-- case: FOR NO KEY UPDATE NOWAIT
SELECT * FROM sales.orders FOR NO KEY UPDATE NOWAIT
-- refuse: ?

-- case: FOR KEY SHARE in a sub-query
SELECT * FROM (SELECT * FROM sales.orders FOR KEY SHARE) s
-- refuse: ?

-- case: OF one relation
SELECT * FROM sales.a, sales.b FOR UPDATE OF a
-- refuse: ?

-- case: in WITH
WITH w AS (SELECT * FROM sales.a FOR UPDATE) SELECT * FROM w
-- refuse: ?

-- case: LOCK TABLE
LOCK TABLE shared.orders IN ACCESS EXCLUSIVE MODE
-- refuse: ?

